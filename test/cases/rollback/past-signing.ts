import { rotationPhase } from '../../../coordinator/src/plan/certificates/ca-rotation-stages.ts';
import { keyConnections } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { clusterOf, nodeOf, type World } from '../connect/world.ts';
import { type Backup, change, done, ended, RUN } from './connected.ts';

/** Runs that replace signing certificates, as they are carried out and taken back in the model. */

type File = World['local']['nodes'][number]['files'][string] | undefined;

/** What a delivery did to a file of a node. */
interface Written {
  readonly cluster: string;
  readonly node: string;
  readonly phase: number;
  readonly path: string;
  readonly before: File;
  readonly after: File;
}

/** A run that came so far: the world then, what its steps remember, and what its deliveries did, by their ids. */
interface Past {
  readonly now: World;
  readonly kept: ReadonlyMap<string, unknown>;
  readonly written: ReadonlyMap<string, readonly Written[]>;
}

const remembered = (made: World, step: AnyStep): unknown => {
  if (step.kind === 'api-key.identify') return { identity: made.keys[0]?.certificateIdentity ?? null };
  if (step.kind === 'cluster-settings.put') {
    const { persistent } = clusterOf(made, step.input.cluster);
    return Object.fromEntries(Object.keys(step.input.persistent).map((name) => [name, persistent[name] ?? null]));
  }
  if (step.kind === 'connection.record')
    return made.connections.find(({ alias }) => alias === step.input.connection.alias);
  if (step.kind === 'signing-certificate.issue')
    return made.signers.find((one) => one.node === step.input.node && one.alias === step.input.alias) ?? null;
  if (step.kind === 'ca.succession') return made.cas.find(({ name }) => name === step.input.ca);
  return step.kind === 'ca.create' ? null : undefined;
};

export const carriedOut = (made: World, { steps, workflow }: StoredPlan, count = steps.length): Past => {
  let now = made;
  const kept = new Map<string, unknown>();
  const written = new Map<string, Written[]>();
  for (const step of steps.slice(0, count)) {
    const next = applySteps(now, [step]);
    const before = remembered(now, step);
    kept.set(step.id, before === undefined ? null : { before });
    if (step.kind === 'node.change') {
      const { cluster, node, operations } = step.input;
      const phase = workflow === 'rotate-ca' ? rotationPhase(step.stage) : (step.input.phase ?? 0);
      const paths = operations.flatMap((call) =>
        call.name === 'files' ? call.input.write.map(({ path }) => path) : [],
      );
      const files = (of: World) => nodeOf(clusterOf(of, cluster), node).files;
      const changes = paths.map((path) => ({
        ...{ cluster, node, phase, path },
        ...structuredClone({ before: files(now)[path], after: files(next)[path] }),
      }));
      written.set(`${RUN}/${step.id}/1`, changes);
    }
    now = next;
  }
  return { now, kept, written };
};

const isSame = (a: File, b: File): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What the agents could take back, as the files stand. */
const backupsIn = (now: World, { written }: Past): Map<string, Backup> => {
  const all = [...written.values()].flat();
  const groups = Map.groupBy(all, ({ cluster, node, phase }) => `${cluster}/${node}${phase === 0 ? '' : `/${phase}`}`);
  const stateOf = ({ cluster, node, path, phase, before }: Written) => {
    const stands = nodeOf(clusterOf(now, cluster), node).files[path];
    const later = all.filter((one) => one.node === node && one.path === path && one.phase >= phase);
    if (later.some(({ after }) => isSame(after, stands))) return 'ours' as const;
    return isSame(before, stands) ? ('back' as const) : ('foreign' as const);
  };
  return new Map(
    [...groups].map(([name, changes]) => [
      name,
      {
        unknown: [],
        changes: changes.map((one) =>
          change('file', one.path, { state: stateOf(one), existed: one.before !== undefined }),
        ),
      },
    ]),
  );
};

export const factsIn = (plan: StoredPlan, past: Past, now: World = past.now): RollbackFacts => {
  const { local, remote, connections, cas, certificates, signers, secretVersions, keys } = factsOf(now, request());
  return {
    run: ended(plan, {
      status: past.kept.size < plan.steps.length ? 'failed' : 'succeeded',
      steps: new Map([...past.kept].map(([id, kept]) => [id, done({ kept })])),
    }),
    ...{ others: [], keys: [], earlierKeys: keys, apiKeys: keys.map(({ record }) => record) },
    ...{ connections, cas, certificates, signers, secretVersions, principals: new Map() },
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', local.persistent],
    ]),
    backups: backupsIn(now, past),
    deploymentTrusts: [],
  };
};

export const rollbackOf = (facts: RollbackFacts): StoredPlan =>
  planRollback({ run: RUN }, facts, { planId: 'plan-2', now: '2026-03-01T13:00:00.000Z', hash: sha256 });

/** What a step of a rollback does to the model: the agents' undo, and records. */
export const takeBack = (made: World, { written }: Past, step: AnyStep): World => {
  const after = structuredClone(made);
  if (step.kind === 'run.rollback') return after;
  if (step.kind === 'node.change') {
    const { files } = nodeOf(clusterOf(after, step.input.cluster), step.input.node);
    const [call] = step.input.operations;
    for (const id of call?.name === 'undo' ? call.input.deliveries : [])
      for (const { path, before } of written.get(id) ?? [])
        if (before === undefined) delete files[path];
        else files[path] = structuredClone(before);
    return after;
  }
  if (step.kind !== 'inventory.put-back') return applySteps(after, [step]);
  for (const { collection, id, record } of step.input.records) {
    if (collection === 'cas') after.cas = [...after.cas.filter(({ name }) => name !== id), ...(record ? [record] : [])];
    if (collection === 'connections')
      after.connections = [
        ...after.connections.filter(({ local, alias }) => `${local}/${alias}` !== id),
        ...keyConnections(record === null ? [] : [record]),
      ];
    if (collection !== 'signingCertificates') continue;
    after.signers = after.signers.filter(({ cluster, node, alias }) => `${cluster}/${node}/${alias}` !== id);
    if (record) after.signers.push(record);
  }
  return after;
};
