import type { Run, RunEvent, RunStep } from '@remora/shared/model/run.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import { counted, plain, terminalWidth } from '../text.ts';

/** Shows how a run goes on while it runs. */
export interface Progress {
  begin(run: Run): void;
  event(event: RunEvent): void;
  /** Leaves the terminal as a further line expects it. */
  end(): void;
}

interface Doing {
  readonly step: RunStep;
  readonly sinceMs: number;
  message: string;
}

const ended = new Set(['succeeded', 'failed', 'skipped', 'undone']);
const REDRAW_MS = 500;

/** What a run is doing, from its events: pure but for the output that it is given. */
const createDoings = () => {
  const steps = new Map<string, RunStep>();
  const doings = new Map<string, Doing>();
  let startedMs = 0;
  const clock = (at: string): string => formatDuration(Math.max(0, Date.parse(at) - startedMs)).padStart(8);
  return {
    doings,
    begin(run: Run): void {
      startedMs = Date.parse(run.createdAt);
      for (const step of run.steps) steps.set(step.id, step);
    },
    /** Takes the event in; answers the line that is kept for it. */
    take(event: RunEvent): string {
      const step = event.stepId === null ? undefined : steps.get(event.stepId);
      if (!step)
        return `${clock(event.at)}  run ${event.status}${event.message === '' ? '' : `: ${plain(event.message)}`}`;
      const doing = doings.get(step.id) ?? { step, sinceMs: Date.parse(event.at), message: '' };
      doing.message = plain(event.message);
      const name = `${plain(step.target)}  ${step.kind}`;
      if (!ended.has(event.status)) {
        doings.set(step.id, doing);
        return `${clock(event.at)}  ${name}: ${doing.message || event.status}`;
      }
      doings.delete(step.id);
      const took = formatDuration(Math.max(0, Date.parse(event.at) - doing.sinceMs));
      const more = event.status === 'failed' && doing.message !== '' ? `: ${doing.message}` : '';
      return `${clock(event.at)}  ${name}: ${event.status} after ${took}${more}`;
    },
    /** A live line for each step that is under way. */
    lines: (now: number): string[] =>
      [...doings.values()].map(
        ({ step, sinceMs, message }) =>
          `          ${plain(step.target)}  ${step.kind}  ${formatDuration(Math.max(0, now - sinceMs))}  ${message}`,
      ),
  };
};

/** One line an event, for logs and pipes. */
export const plainProgress = (write: (text: string) => void): Progress => {
  const doings = createDoings();
  return {
    begin: (run) => {
      doings.begin(run);
      write(`${plain(run.title)}: run ${run.runId}, ${counted(run.steps.length, 'step')}\n`);
    },
    event: (event) => write(`${doings.take(event)}\n`),
    end: () => undefined,
  };
};

/** Lines of what is done, and below them what is under way, drawn anew while time passes. */
export const liveProgress = (stream: NodeJS.WriteStream): Progress => {
  const doings = createDoings();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  const wipe = (): void => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const draw = (): void => {
    const lines = doings.lines(Date.now()).map((line) => line.slice(0, terminalWidth(stream) - 1));
    if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const redraw = (): void => {
    wipe();
    draw();
  };
  return {
    begin(run) {
      doings.begin(run);
      stream.write(`${plain(run.title)}: run ${run.runId}, ${counted(run.steps.length, 'step')}\n`);
      timer = setInterval(redraw, REDRAW_MS);
    },
    event(event) {
      wipe();
      const line = doings.take(event);
      const isNews = event.stepId === null || ended.has(event.status);
      if (isNews) stream.write(`${line}\n`);
      draw();
    },
    end() {
      clearInterval(timer);
      wipe();
    },
  };
};
