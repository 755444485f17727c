/**
 * How a node is stopped and started. A new service manager is one file that builds this interface, and one line in `service-managers.ts`; whether the node
 * is up is not its business: that is seen from the process and from HTTP (node/restart.ts).
 */
export interface ServiceManager {
  /** For messages: `systemd unit elasticsearch.service`, `commands`. */
  readonly description: string;
  /** Asks the node to stop; resolves when the request has ended, which need not be when the process is gone. Rejects when it was refused. */
  stop(): Promise<void>;
  /** Begins a start. What is started outlives the agent. */
  start(logFile: string): StartAttempt;
  /**
   * Why the start has failed as far as the service manager knows; null while it has not. Asked only when the request has ended: before, this may be what is
   * left of an earlier start. Cheap enough to ask twice a second.
   */
  failure(): Promise<string | null>;
  /** The main process, when the service manager knows one. */
  mainPid(): Promise<number | null>;
  /** The last lines that the service manager has of the node since a time, for error messages. */
  recentOutput(sinceMs: number): Promise<string>;
  /** Why this service manager cannot work on this host; null when it can. Asked at join. */
  check(): Promise<string | null>;
}

export interface StartAttempt {
  /** Resolves with null when the start request ended well, or with a sentence why not. May never resolve for a command that stays in the foreground. */
  readonly ended: Promise<string | null>;
}
