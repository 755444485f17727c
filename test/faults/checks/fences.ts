import { readFileSync } from 'node:fs';
import type { CheapBed } from '../cheap/bed.ts';
import { type Effect, effectsOf } from '../cheap/state.ts';
import type { Stack } from '../stack/stack.ts';

/** A coordinator took a run. */
interface Drive {
  readonly pid: number;
  readonly fence: number;
  /** ms since 1970. */
  readonly at: number;
}

interface LogLine {
  readonly msg: string;
  readonly time: string;
  readonly runId?: string;
  readonly fence?: number;
}

/** Who drove the run with which fence, from the log of each coordinator process, by fence. */
const drivesOf = ({ coordinatorLogs }: Stack<CheapBed>, runId: string): Drive[] =>
  coordinatorLogs
    .flatMap(({ file, pid }) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as LogLine)
        .filter((line) => line.msg === 'driving a run' && line.runId === runId)
        .map(({ time, fence = 0 }) => ({ pid, fence, at: Date.parse(time) })),
    )
    .sort((a, b) => a.fence - b.fence);

/** A take is logged a moment after it took place, and so is an effect. */
const SLACK_MS = 20;

const isStale = ({ caller, at }: Effect, drives: readonly Drive[]): boolean => {
  const current = drives.filter((drive) => drive.at <= at - SLACK_MS).at(-1);
  const own = drives.filter((drive) => drive.pid === caller && drive.at <= at + SLACK_MS).at(-1);
  return current !== undefined && own !== undefined && own.fence < current.fence;
};

/** Calls that changed something in a cluster, by a coordinator that had been taken over before. */
export const staleEffects = (stack: Stack<CheapBed>, runId: string): string[] => {
  const drives = drivesOf(stack, runId);
  return stack.bed.clusters.flatMap(({ stateDir }) =>
    effectsOf(stateDir)
      .filter((effect) => isStale(effect, drives))
      .map(({ what, node, detail, at }) => {
        const when = new Date(at).toISOString();
        return `${what} ${detail} at ${node} by a driver that had been taken over (${when})`;
      }),
  );
};
