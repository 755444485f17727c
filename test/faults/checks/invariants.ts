import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditVerdict } from '@remora/shared/model/audit.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { readEntries } from '../../support/keystore-file.ts';
import type { Disturbed } from '../case.ts';
import type { CheapBed } from '../cheap/bed.ts';
import { type Effect, effectsOf } from '../cheap/state.ts';
import type { Stack } from '../stack/stack.ts';
import { type WorkflowName, workflows } from '../workflows.ts';
import { staleDeliveries, strangeEffects } from './fences.ts';
import { clusterStateOf, differences, type FinalState, finalState } from './final-state.ts';

/** A run that was disturbed and has ended. */
interface Ended {
  readonly stack: Stack;
  readonly run: Run;
  readonly wantedRestarts: readonly string[];
}

/** The same on cheap clusters, which tell all that was done in them. */
interface CheapEnded extends Ended, Disturbed {
  readonly stack: Stack<CheapBed>;
  readonly workflow: WorkflowName;
  /** What an undisturbed run left, and how often each node had been started then. */
  readonly wanted: FinalState;
  readonly wantedStarts: Starts;
}

export const runIsDone = ({ run, wantedRestarts }: Ended): string[] => {
  const open = run.steps
    .filter(({ status }) => status !== 'succeeded')
    .map(({ id, status }) => `step ${id} is ${status}`);
  const status = run.status === 'succeeded' ? [] : [`the run is ${run.status}: ${run.error?.message}`];
  return [
    ...status,
    ...open,
    ...differences([...wantedRestarts].sort(), [...run.restarts].sort(), 'restarts on record'),
  ];
};

const countOf = (effects: readonly Effect[], node: string, what: Effect['what']): number =>
  effects.filter((effect) => effect.node === node && effect.what === what).length;

type Starts = Readonly<Record<string, number>>;

/** How often each node was started. */
export const startsOf = (stack: Stack<CheapBed>): Starts =>
  Object.fromEntries(
    stack.bed.clusters.flatMap(({ stateDir, nodes }) => {
      const effects = effectsOf(stateDir);
      return nodes.map(({ name }) => [name, countOf(effects, name, 'start')]);
    }),
  );

const startedAsPlanned = ({ stack, wantedStarts, maybeTwice }: CheapEnded): string[] =>
  Object.entries(startsOf(stack)).flatMap(([name, found]) => {
    const planned = wantedStarts[name] ?? 0;
    return found === planned || (name === maybeTwice && found === planned + 1)
      ? []
      : [`${name} was started ${found} times and not ${planned}`];
  });

/** No node of a cluster stops while another one is away, and none while replicas would move. */
const oneAtATime = ({ stack }: CheapEnded): string[] =>
  stack.bed.clusters.flatMap(({ stateDir }) => {
    const away = new Set<string>();
    return effectsOf(stateDir).flatMap(({ node, what, detail }) => {
      if (what === 'start') away.delete(node);
      if (what !== 'stop') return [];
      const others = [...away];
      away.add(node);
      return [
        ...others.map((other) => `${node} was stopped while ${other} was away`),
        ...(detail === 'primaries' ? [] : [`${node} was stopped while shard allocation was ${detail}`]),
      ];
    });
  });

/** Every living key is on record, and is the one that the local node has; but for one that was made for others, which no node here has. */
const noUnknownKey = async ({ stack, workflow }: CheapEnded): Promise<string[]> => {
  const redis = stack.redis();
  try {
    const filed = Object.values(await redis.hgetall(keys.apiKeys)).map(
      (text) => (JSON.parse(text) as { id: string }).id,
    );
    const credentials = stack.nodes.flatMap(({ configDir }) =>
      Object.entries(readEntries(configDir))
        .filter(([name]) => name.startsWith('cluster.remote.'))
        .map(([, value = '']) => Buffer.from(value, 'base64').toString().split(':')[0]),
    );
    return stack.bed.clusters.flatMap((cluster) =>
      clusterStateOf(cluster)
        .keys.filter(({ invalidated }) => !invalidated)
        .flatMap(({ id, name }) => [
          ...(filed.includes(id) ? [] : [`key ${name} lives and is not on record`]),
          ...(workflow === 'create-key' || credentials.includes(id) ? [] : [`key ${name} lives and no node has it`]),
        ]),
    );
  } finally {
    redis.disconnect();
  }
};

export const nothingIsHeld = async ({ stack, run }: Ended): Promise<string[]> => {
  const redis = stack.redis();
  try {
    const locks = Object.keys(await redis.hgetall(keys.locks));
    const open = await redis.smembers(keys.openRuns);
    const waiting = await redis.zrange(keys.waiting, 0, '-1');
    const restores = (await redis.hkeys(keys.run(run.runId))).filter((field) => field.startsWith('restore:'));
    return [
      ...locks.map((name) => `cluster ${name} is still locked`),
      ...open.map((id) => `run ${id} is still open`),
      ...waiting.map((id) => `run ${id} still waits`),
      ...restores.map((field) => `${field} is still to be put back`),
    ];
  } finally {
    redis.disconnect();
  }
};

export const nothingStaged = ({ stack }: Ended): string[] =>
  stack.nodes.flatMap(({ name }) => {
    const journal = join(stack.agentDirectory(name), 'journal');
    const parts = readdirSync(journal, { recursive: true, encoding: 'utf8' });
    return parts.filter((path) => path.endsWith('/after')).map((path) => `the agent of ${name} still has ${path}`);
  });

export const auditFits = async ({ stack }: Ended): Promise<string[]> => {
  const { ok, problem } = await stack.api<AuditVerdict>({ method: 'GET', path: '/audit/verify' });
  return ok ? [] : [`the audit log does not verify: ${problem?.message} at ${problem?.seq}`];
};

const nothingIsLeftToDo = async ({ stack, workflow, prepared: { body } }: CheapEnded): Promise<string[]> => {
  const { path, settles } = workflows[workflow];
  if (!settles) return [];
  const plan = await stack.api<{ steps: { id: string; reason: string }[] }>({
    method: 'POST',
    path: `${path}/plan`,
    body,
  });
  return plan.steps.map(({ id, reason }) => `the same plan still has ${id}: ${reason}`);
};

/** The run that was taken back says so. */
const takenBackRunSaysSo = async ({ stack, workflow, prepared }: CheapEnded): Promise<string[]> => {
  if (workflow !== 'rollback') return [];
  const { status } = await stack.api<Run>({ method: 'GET', path: `/runs/${prepared.runId}` });
  return status === 'rolled_back' ? [] : [`the run that was taken back is ${status}`];
};

/** What cheap nodes wrote down as strange: a question that they do not know, a failure of their own. */
export const unknownToNodes = ({ bed }: Stack<CheapBed>): string[] =>
  bed.clusters.flatMap(({ name, stateDir }) => {
    const log = join(stateDir, 'unknown.log');
    const lines = existsSync(log) ? readFileSync(log, 'utf8') : '';
    return lines === '' ? [] : [`the cheap cluster ${name} did not know what to do: ${lines}`];
  });

/** Every invariant that does not hold, as a sentence. */
export const broken = async (ended: CheapEnded): Promise<string[]> => [
  ...runIsDone(ended),
  ...startedAsPlanned(ended),
  ...oneAtATime(ended),
  ...(await noUnknownKey(ended)),
  ...(await nothingIsHeld(ended)),
  ...nothingStaged(ended),
  ...(await auditFits(ended)),
  ...(await nothingIsLeftToDo(ended)),
  ...(await takenBackRunSaysSo(ended)),
  ...unknownToNodes(ended.stack),
  ...strangeEffects(ended.stack),
  ...staleDeliveries(ended.stack, ended.fences),
  ...differences(ended.wanted, await finalState(ended.stack), 'left behind'),
];
