import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request } from '../connect/facts.ts';
import { clusterOf, type NodeWorld, nodeOf } from '../connect/world.ts';
import { carriedOut, recordsOf, type TrustWorld } from '../connect-certificate/world.ts';
import { type Backup, change, done, keyOf, RUN } from '../rollback/connected.ts';

export const CREDENTIALS = 'cluster.remote.us.credentials';

/** A migration of which the first steps were carried out. */
export interface Migration {
  readonly before: TrustWorld;
  readonly now: TrustWorld;
  readonly plan: StoredPlan;
  /** What each step that was carried out remembers. */
  readonly kept: ReadonlyMap<string, unknown>;
}

const keptBy = (step: AnyStep, now: TrustWorld): unknown => {
  if (step.kind === 'connection.record') return { before: recordsOf(now)[0] ?? null };
  if (step.kind === 'cluster-settings.put') {
    const { persistent } = now.made.local;
    return {
      before: Object.fromEntries(Object.keys(step.input.persistent).map((name) => [name, persistent[name] ?? null])),
    };
  }
  if (step.kind === 'role.put') return { before: step.input.expected };
  return ['ca.create', 'certificate.issue'].includes(step.kind) ? { before: null } : null;
};

/** Carries a migration out up to a step, which is left out; all of it without one. */
export const migratedUpTo = (before: TrustWorld, plan: StoredPlan, steps: number = plan.steps.length): Migration => {
  const kept = new Map<string, unknown>();
  let now = before;
  for (const step of plan.steps.slice(0, steps)) {
    kept.set(step.id, keptBy(step, now));
    // Roles are not in this world.
    if (step.kind !== 'role.put') now = carriedOut(now, [step]);
  }
  return { before, now, plan, kept };
};

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const withoutCredential = ({ keystore }: NodeWorld): unknown =>
  Object.keys(keystore.entries).filter((name) => name !== CREDENTIALS);

/** What the agent of a node would say of what it could take back, of the credential and of the rest. */
const backupsOf = (cluster: string, node: NodeWorld, old: NodeWorld): [string, Backup][] => {
  const state = CREDENTIALS in node.keystore.entries ? 'ours' : 'back';
  const isChanged = !isSame([node.yml.values, withoutCredential(node)], [old.yml.values, withoutCredential(old)]);
  const setting = change('setting', 'some.setting', { now: true, state: isChanged ? 'ours' : 'back' });
  return [
    [`${cluster}/${node.name}`, { changes: [setting], unknown: [] }],
    ...(cluster === 'eu'
      ? [[`eu/${node.name}/2`, { changes: [change('entry', CREDENTIALS, { state })], unknown: [] }] as [string, Backup]]
      : []),
  ];
};

/** What the planner of its rollback would look at. */
export const factsToRollBack = ({ before, now, plan, kept }: Migration): RollbackFacts => {
  const { local, remote, secretVersions } = factsOf(now.made, request());
  const sides = [now.made.local, now.made.remote];
  const made = now.made.keys.filter(({ usable }) => usable);
  return {
    run: {
      ...{
        runId: RUN,
        status: kept.size === plan.steps.length ? 'succeeded' : 'failed',
        rollback: null,
        restored: null,
      },
      ...{ plan, steps: new Map([...kept].map(([id, memory]) => [id, done({ kept: memory })])) },
    },
    others: [],
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map(sides.map(({ name, persistent }) => [name, persistent])),
    backups: new Map(
      sides.flatMap(({ name, nodes }) =>
        nodes.flatMap((node) => backupsOf(name, node, nodeOf(clusterOf(before.made, name), node.name))),
      ),
    ),
    keys: made.map(({ record }) => keyOf(record.secret, record.id, `remora-eu-us-${RUN}-1-r1`)),
    ...{ earlierKeys: [], connections: recordsOf(now), cas: [], certificates: [], apiKeys: [] },
    ...{ signers: [], deploymentTrusts: [], secretVersions, principals: new Map() },
  };
};

/** What an agent puts back for a step: the credential, or all else. */
const undo = (now: TrustWorld, before: TrustWorld, step: AnyStep): void => {
  if (step.kind !== 'node.change') return;
  const node = nodeOf(clusterOf(now.made, step.input.cluster), step.input.node);
  if (step.stage.endsWith('.2')) delete node.keystore.entries[CREDENTIALS];
  else {
    const old = structuredClone(nodeOf(clusterOf(before.made, step.input.cluster), step.input.node));
    const own = node.keystore.entries[CREDENTIALS];
    Object.assign(node, { yml: old.yml, files: old.files, keystore: old.keystore });
    if (own !== undefined) node.keystore.entries[CREDENTIALS] = own;
  }
};

/** Carries out what a rollback does to nodes, clusters and keys; each step is told what it did. */
export const takenBack = (
  { before, now, ...rest }: Migration,
  steps: readonly AnyStep[],
  look: (one: TrustWorld, step: AnyStep) => void = () => undefined,
): Migration => {
  let one = structuredClone(now);
  for (const step of steps) {
    if (step.stage === 'end') continue;
    undo(one, before, step);
    one = carriedOut(one, [step]);
    look(one, step);
  }
  return { before, now: one, ...rest };
};

/** The world as it would be once a node had restarted at this moment. */
export const restarted = (now: TrustWorld, name: string): TrustWorld => {
  const one = structuredClone(now);
  const node = nodeOf(one.made.local, name);
  const own = node.keystore.entries[CREDENTIALS];
  node.running.credentials = own === undefined ? {} : { us: own.reference };
  return one;
};
