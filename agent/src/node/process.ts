import { basename } from 'node:path';
import { allPids, argumentsOf, identityOf, isAlive, listenersOn, pidOf, variableOf } from '../system/process-table.ts';

/** Finds the Elasticsearch process of this node. Several ways, since an agent must see nodes of packages, of archives, in containers and in tests alike. */
export interface NodeProcess {
  /** `PID:STARTTICKS` of the running node, null when none runs. While a node starts, this may first be its launcher. */
  current(): Promise<string | null>;
  /** What runs for this configuration directory whether it listens or not; the likeliest first. */
  candidates(): string[];
}

/** Programs that carry ES_PATH_CONF around a node but are not it. */
const AROUND = new Set([
  'sh',
  'bash',
  'dash',
  'ash',
  'env',
  'sudo',
  'su',
  'runuser',
  'setsid',
  'setpriv',
  'nohup',
  'timeout',
  'systemctl',
  'systemd-run',
]);

export const isJavaProcess = (pid: number): boolean => basename(argumentsOf(pid)[0] ?? '') === 'java';

const belongsTo = (pid: number, configDir: string): boolean => {
  const args = argumentsOf(pid);
  if (args.length === 0 || AROUND.has(basename(args[0] ?? '')) || args.some((arg) => /keystore/i.test(arg)))
    return false;
  return args.includes(`-Des.path.conf=${configDir}`) || variableOf(pid, 'ES_PATH_CONF') === configDir;
};

/** The server's JVM names its configuration directory itself; the launcher before it and other programs only inherit it. */
const rank = (pid: number): number => {
  const args = argumentsOf(pid);
  if (args.some((arg) => /org\.elasticsearch\.(server|bootstrap)/.test(arg))) return 0;
  return isJavaProcess(pid) ? 1 : 2;
};

const portOf = (url: string): number => {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
};

export const findNodeProcess = (options: {
  configDir: string;
  url: string;
  mainPid: () => Promise<number | null>;
}): NodeProcess => {
  const port = portOf(options.url);
  // Only a process that listens is remembered: until then the launcher may be what was found.
  let listening: string | null = null;

  const candidates = (): string[] =>
    allPids()
      .filter((pid) => pid !== process.pid && pid !== process.ppid && belongsTo(pid, options.configDir))
      .sort((a, b) => rank(a) - rank(b))
      .flatMap((pid) => identityOf(pid) ?? []);

  return {
    candidates,
    async current() {
      if (listening !== null && isAlive(listening)) return listening;
      const listeners = listenersOn(port).sort((a, b) => rank(a) - rank(b));
      listening = listeners.flatMap((pid) => identityOf(pid) ?? [])[0] ?? null;
      if (listening !== null) return listening;
      const first = candidates()[0];
      if (first !== undefined) return first;
      const main = await options.mainPid();
      return main === null ? null : identityOf(main);
    },
  };
};

export const processFacts = (identity: string | null) =>
  identity === null ? { running: false, pid: null } : { running: true, pid: pidOf(identity) };
