import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheapBed } from '../cheap/bed.ts';
import { type Effect, effectsOf } from '../cheap/state.ts';
import type { SeenFence } from '../moments.ts';
import type { CoordinatorName, Stack } from '../stack/stack.ts';

/** A coordinator took a run. The fence is Redis' clock at that moment in ms since 1970, or a little more. */
interface Drive {
  readonly runId: string;
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

/** Who drove which run with which fence, from the log of each coordinator process, by fence. */
const drivesOf = ({ coordinatorLogs }: Stack): Drive[] =>
  coordinatorLogs
    .flatMap(({ file, pid }) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as LogLine)
        .filter((line) => line.msg === 'driving a run')
        .map(({ time, runId = '', fence = 0 }) => ({ runId, pid, fence, at: Date.parse(time) })),
    )
    .sort((a, b) => a.fence - b.fence);

/** The coordinator that took the run last; null when none did. */
export const driverOf = (stack: Stack, runId: string): CoordinatorName | null => {
  const pid = drivesOf(stack).findLast((drive) => drive.runId === runId)?.pid;
  return (['a', 'b'] as const).find((name) => stack.coordinators.get(name)?.pid === pid) ?? null;
};

/** A take is logged a moment after it took place, and so is an effect. */
const SLACK_MS = 20;

const callerProblem = ({ caller, at, node, what }: Effect, drives: readonly Drive[], stack: Stack): string | null => {
  if (what === 'start' || what === 'stop') return null;
  if (caller === null) return 'by an unknown caller';
  // Secure settings are reloaded at the node itself, by its agent.
  if (what === 'reload')
    return stack.callers.get(caller) === node ? null : `by process ${caller}, not the node's agent`;
  // From its take on, not from the line in its log, which may come late.
  const current = drives.filter((drive) => Math.min(drive.at, drive.fence) <= at - SLACK_MS).at(-1);
  const own = drives.filter((drive) => drive.pid === caller && drive.at <= at + SLACK_MS).at(-1);
  if (own === undefined) return `by process ${caller}, which drove no run by then`;
  return current !== undefined && own.fence < current.fence ? 'by a driver that had been taken over' : null;
};

/** Calls that changed something in a cluster, by anybody but the coordinator that drove a run then, or by the node's agent. */
export const strangeEffects = (stack: Stack<CheapBed>): string[] => {
  const drives = drivesOf(stack);
  return stack.bed.clusters.flatMap(({ stateDir }) =>
    effectsOf(stateDir).flatMap((effect) => {
      const problem = callerProblem(effect, drives, stack);
      const { what, node, detail, at } = effect;
      return problem === null ? [] : [`${what} ${detail} at ${node} ${problem} (${new Date(at).toISOString()})`];
    }),
  );
};

/** A delivery as the journal of an agent has it. */
interface Begun {
  readonly id: string;
  readonly startedAtMs: number;
  readonly fence?: number;
}

const journalOf = (stack: Stack, node: string): Begun[] => {
  const journal = join(stack.agentDirectory(node), 'journal');
  return readdirSync(journal).map((folder) => JSON.parse(readFileSync(join(journal, folder, 'record.json'), 'utf8')));
};

const deliveryProblems = (
  { id, startedAtMs, fence }: Begun,
  drives: readonly Drive[],
  seen: readonly SeenFence[],
): string[] => {
  const own = drives.filter(({ runId }) => runId === id.split('/')[0]);
  if (fence === undefined || !own.some((drive) => drive.fence === fence)) return [`under the fence ${fence} of nobody`];
  const higher = seen.find((one) => one.fence > fence && one.at <= startedAtMs - SLACK_MS);
  const taken = own.find((drive) => drive.fence > fence && drive.fence <= startedAtMs - SLACK_MS);
  return [
    ...(higher ? [`under the fence ${fence} when it had seen ${higher.fence}`] : []),
    ...(taken
      ? [`under the fence ${fence}, ${startedAtMs - taken.fence} ms after process ${taken.pid} took the run`]
      : []),
  ];
};

/** Deliveries that an agent began under an older fence than one that it had seen, or after another coordinator had taken the run. */
export const staleDeliveries = (stack: Stack, seen: readonly SeenFence[]): string[] => {
  const drives = drivesOf(stack);
  return stack.nodes.flatMap(({ name }) => {
    const own = seen.filter(({ node }) => node === name);
    return journalOf(stack, name).flatMap((begun) =>
      deliveryProblems(begun, drives, own).map((problem) => `the agent of ${name} began ${begun.id} ${problem}`),
    );
  });
};
