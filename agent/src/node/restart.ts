import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@remora/shared/errors.ts';
import { isAlive, pidOf, writersOf } from '../system/process-table.ts';
import type { ServiceManager, StartAttempt } from '../system/service-manager.ts';
import { answers } from './http.ts';
import type { NodeProcess } from './process.ts';
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

/** Whether it is this process, and no other, that answers at the node's address. */
const answersAs = async (identity: string, { node, url }: Pick<NodeControl, 'node' | 'url'>): Promise<boolean> =>
  node.serves(identity) && (await answers(url)) && isAlive(identity);

const POLL_MS = 200;
/** A node that comes up, collects garbage or is slow in a handshake is silent for less. */
export const ANSWER_LIMIT_MS = 60_000;

/**
 * The node's process, whichever that is by then, once it answers or `isEnough` as it is; null when none runs. `isSeen` is false for one that went on
 * without an answer.
 */
export const waitForAnswer = async (
  control: Pick<NodeControl, 'node' | 'url'>,
  isEnough: (identity: string) => boolean = () => false,
): Promise<{ identity: string | null; isSeen: boolean }> => {
  for (const deadline = performance.now() + ANSWER_LIMIT_MS; ; await sleep(POLL_MS)) {
    const identity = await control.node.current();
    const isSeen = identity === null || isEnough(identity) || (await answersAs(identity, control));
    if (isSeen || performance.now() > deadline) return { identity, isSeen };
  }
};

/** As long as the packages' unit allows for a start; a stop that flushes and closes shards may be slow too. */
const STOP_LIMIT_MS = 15 * 60_000;

/**
 * How long a node may still end after its stop command failed: it may have been ending by itself, or the command did not wait long enough. Held to be running
 * and then gone, it would be down with nobody to start it.
 */
const END_AFTER_REFUSAL_MS = 10_000;

/** Stops the node and waits until its process is gone, whatever the stop command said of it. */
export const stopNode = async ({ service }: NodeControl, identity: string, limitMs = STOP_LIMIT_MS): Promise<void> => {
  let deadline = performance.now() + limitMs;
  let refusal: string | null = null;
  await service.stop().catch((error: unknown) => {
    refusal = messageOf(error);
    deadline = Math.min(deadline, performance.now() + END_AFTER_REFUSAL_MS);
  });
  while (isAlive(identity)) {
    if (performance.now() > deadline) {
      if (refusal !== null) throw new NodeFailure(`The node was not stopped: ${refusal}.`);
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

const watchRequest = (attempt: StartAttempt): StartState => {
  const state: StartState = { refusal: null, requestEnded: false, seen: new Set() };
  attempt.ended.then((refusal) => {
    state.requestEnded = true;
    state.refusal = refusal;
  });
  return state;
};

/**
 * Why the start has failed for good. A short timer is never a reason, and neither is what the service manager remembers while the request is under way:
 * `failed` may be of an earlier start, or of the stop. A process that was seen and has gone without a successor is a reason.
 */
const failureOf = async (control: NodeControl, state: StartState): Promise<string | null> => {
  if (state.refusal !== null) return state.refusal;
  const living = control.node.candidates();
  for (const identity of living) state.seen.add(identity);
  if (living.length > 0 || !state.requestEnded) return null;
  const last = [...state.seen].at(-1);
  return (await control.service.failure()) ?? (last === undefined ? null : `its process ${pidOf(last)} is gone`);
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

const ALREADY_RUNNING: StartAttempt = { ended: Promise.resolve(null) };

/**
 * Whether a server other than `replaces` runs already. A launcher without one is the end of the old node or the beginning of a new one, and a crash of the
 * agent may have left a start request on its way, which is found by who writes to its log: what becomes of them is waited for, or there would be two nodes.
 */
const isUnderWay = async (
  { node }: NodeControl,
  { replaces, logFile }: { replaces: string | null; logFile: string },
  deadline: number,
): Promise<boolean> => {
  for (;;) {
    const server = node.server();
    if (server !== null && server !== replaces) return true;
    const isQuiet = node.candidates().every((identity) => identity === replaces) && writersOf(logFile).length === 0;
    if (isQuiet) return false;
    if (performance.now() > deadline) return true;
    await sleep(POLL_MS);
  }
};

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
  const deadline = performance.now() + timeoutMs;
  const attempt = (await isUnderWay(control, options, deadline)) ? ALREADY_RUNNING : control.service.start(logFile);
  const state = watchRequest(attempt);
  const output = watchOutput(logFile);
  for (;;) {
    const identity = await control.node.current();
    if (identity !== null && identity !== replaces) {
      output.see(identity);
      if (await answersAs(identity, control)) return identity;
    }
    const late = performance.now() > deadline;
    const why =
      (await failureOf(control, state)) ??
      (late ? `it does not answer at ${control.url} after ${Math.round(timeoutMs / 1000)} s` : null);
    if (why !== null) throw new NodeFailure(await sentenceOf(why, output, control.service, beganAtMs));
    await sleep(POLL_MS);
  }
};
