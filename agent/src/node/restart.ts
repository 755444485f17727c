import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@remora/shared/errors.ts';
import { isAlive, pidOf, writersOf } from '../system/process-table.ts';
import type { ServiceManager, StartAttempt } from '../system/service-manager.ts';
import { answers } from './http.ts';
import { isJavaProcess, type NodeProcess } from './process.ts';
import { lastLines, watchOutput } from './start-failure.ts';

/** Stopping and starting a node. "Restarted" means: the identity of its process is another, and it answers HTTP. */
export interface NodeControl {
  readonly service: ServiceManager;
  readonly node: NodeProcess;
  readonly url: string;
}

/** A node that did not stop or start; the message quotes what it said. */
export class NodeFailure extends Error {
  override readonly name = 'NodeFailure';
}

const POLL_MS = 200;
/** As long as the packages' unit allows for a start; a stop that flushes and closes shards may be slow too. */
const STOP_LIMIT_MS = 15 * 60_000;

/** Stops the node and waits until its process is gone. */
export const stopNode = async ({ service }: NodeControl, identity: string, limitMs = STOP_LIMIT_MS): Promise<void> => {
  const deadline = Date.now() + limitMs;
  let refusal: string | null = null;
  await service.stop().catch((error: unknown) => {
    refusal = messageOf(error);
  });
  while (isAlive(identity)) {
    if (refusal !== null) throw new NodeFailure(`The node was not stopped: ${refusal}.`);
    if (Date.now() > deadline) {
      throw new NodeFailure(
        `The node's process ${pidOf(identity)} still runs ${Math.round(limitMs / 1000)} s after it was asked to stop (${service.description}).`,
      );
    }
    await sleep(POLL_MS);
  }
};

interface StartState {
  /** Why the start request failed, once it has. */
  refusal: string | null;
  requestEnded: boolean;
  /** Processes that were seen for the node since the start. */
  readonly seen: Set<string>;
}

/** A crash of the agent may have left a start request on its way: who writes to its log is found, and waited for instead of starting a second node. */
const adoptStart = (logFile: string, over: AbortSignal): StartAttempt | null => {
  const [pid] = writersOf(logFile);
  if (pid === undefined) return null;
  const ended = (async () => {
    while (!over.aborted && writersOf(logFile).length > 0) await sleep(POLL_MS);
    return null;
  })();
  return { pid, ended };
};

const watchRequest = (attempt: StartAttempt): StartState => {
  const state: StartState = { refusal: null, requestEnded: false, seen: new Set() };
  attempt.ended.then((refusal) => {
    state.requestEnded = true;
    state.refusal = refusal;
  });
  return state;
};

/**
 * Why the start has failed for good. A short timer is never a reason. A process that was seen and has gone without a successor is; the start request's
 * own process does not count as the node unless it is a JVM (a start command that stays in the foreground), since `supervisorctl start` and the
 * like go away when all is well.
 */
const failureOf = async (control: NodeControl, attempt: StartAttempt, state: StartState): Promise<string | null> => {
  if (state.refusal !== null) return state.refusal;
  const failed = await control.service.failure();
  if (failed !== null) return failed;
  const living = control.node.candidates();
  for (const identity of living) {
    if (pidOf(identity) !== attempt.pid || isJavaProcess(pidOf(identity))) state.seen.add(identity);
  }
  const allGone = state.seen.size > 0 && living.length === 0 && [...state.seen].every((identity) => !isAlive(identity));
  return allGone && state.requestEnded ? `its process ${pidOf([...state.seen].at(-1) ?? '')} is gone` : null;
};

const sentenceOf = async (
  why: string,
  output: ReturnType<typeof watchOutput>,
  service: ServiceManager,
  beganAtMs: number,
): Promise<string> => {
  const said = [await output.quote(), lastLines(await service.recentOutput(beganAtMs))].filter((text) => text !== '');
  return `The node did not start: ${why}.${said.length === 0 ? '' : ` It said: ${said.join(' | ')}`}`;
};

const ALREADY_RUNNING: StartAttempt = { pid: undefined, ended: Promise.resolve(null) };

/**
 * Starts the node, unless a start is under way or done, and waits until another process than `replaces` answers HTTP. Resolves with its identity;
 * rejects with NodeFailure when the start request failed, the unit failed, the process is gone, or after `timeoutMs`.
 */
export const startNode = async (
  control: NodeControl,
  options: { replaces: string | null; timeoutMs: number; logFile: string },
): Promise<string> => {
  const { replaces, timeoutMs, logFile } = options;
  const beganAtMs = Date.now();
  const over = new AbortController();
  const running = await control.node.current();
  const isNew = running !== null && running !== replaces;
  const attempt = isNew ? ALREADY_RUNNING : (adoptStart(logFile, over.signal) ?? control.service.start(logFile));
  const state = watchRequest(attempt);
  const output = watchOutput(logFile);
  try {
    for (;;) {
      const identity = await control.node.current();
      if (identity !== null && identity !== replaces) {
        output.see(identity);
        if ((await answers(control.url)) && isAlive(identity)) return (await control.node.current()) ?? identity;
      }
      const late = Date.now() - beganAtMs > timeoutMs;
      const why =
        (await failureOf(control, attempt, state)) ??
        (late ? `it does not answer at ${control.url} after ${Math.round(timeoutMs / 1000)} s` : null);
      if (why !== null) throw new NodeFailure(await sentenceOf(why, output, control.service, beganAtMs));
      await sleep(POLL_MS);
    }
  } finally {
    over.abort();
  }
};
