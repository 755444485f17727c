import { isAtRest, type RunEvent } from '@remora/shared/model/run.ts';
import type { RunReader } from '../../services.ts';

const HEARTBEAT_MS = 15_000;
/** A wake-up that was lost with a connection to Redis delays an event by no more than this. */
const LOOK_AGAIN_MS = 3000;

const frame = (event: RunEvent): string => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** A bell that keeps a ring until somebody waits for it. */
const createBell = () => {
  let rung = false;
  let answer: (() => void) | null = null;
  const ring = (): void => {
    rung = true;
    answer?.();
  };
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        answer = null;
        rung = false;
        resolve();
      };
      const timer = setTimeout(done, ms);
      answer = done;
      if (rung) done();
    });
  return { ring, wait };
};

/**
 * The frames of a run's event stream (WHATWG HTML, server-sent events): all events after `afterSeq` in order and without a gap, a comment when nothing
 * happened for 15 s, and when the run has ended or pauses one `end` event with its status. Reads the events from the store; what is published only wakes it.
 */
export async function* runEventFrames(
  runs: RunReader,
  runId: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const bell = createBell();
  const unsubscribe = runs.subscribe(runId, bell.ring);
  signal.addEventListener('abort', bell.ring);
  let seen = afterSeq;
  let lastFrameAt = performance.now();
  try {
    yield ': following\n\n';
    while (!signal.aborted) {
      const { status } = await runs.get(runId);
      for (const event of await runs.events(runId, seen)) {
        yield frame(event);
        seen = event.seq;
        lastFrameAt = performance.now();
      }
      if (isAtRest(status)) {
        yield `event: end\ndata: ${JSON.stringify({ runId, status })}\n\n`;
        return;
      }
      if (performance.now() - lastFrameAt >= HEARTBEAT_MS) {
        yield ': beat\n\n';
        lastFrameAt = performance.now();
      }
      await bell.wait(LOOK_AGAIN_MS);
    }
  } finally {
    signal.removeEventListener('abort', bell.ring);
    unsubscribe();
  }
}
