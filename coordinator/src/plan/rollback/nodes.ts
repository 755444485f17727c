import type { OperationCall } from '@remora/shared/operations.ts';
import { settingRule } from '@remora/shared/settings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { type NodeChange, restartOf } from '../node-change.ts';
import { keystorePasswordInput, keystorePasswordReference, nodeStep } from '../node-step.ts';
import { rollOrder } from '../order.ts';
import { type AnyStep, nodeKey, type Stage } from '../steps.ts';
import { deliveriesOf, type NodeDeliveries } from './deliveries.ts';
import type { Backups, RollbackFacts } from './facts.ts';
import type { Part } from './settings.ts';

type Change = Backups['changes'][number];

/** Stages of one cluster, in this order. */
export const clusterStages = (cluster: string): Stage[] => [
  { id: `files-${cluster}`, title: `Put files of cluster ${cluster} back`, mode: 'parallel' },
  { id: `roll-${cluster}`, title: `Roll cluster ${cluster}`, mode: 'roll' },
  { id: `reload-${cluster}`, title: `Reload secure settings of cluster ${cluster}`, mode: 'parallel' },
];

const text = (value: Change['now']): string => (Array.isArray(value) ? `[${value.join(', ')}]` : String(value ?? ''));

const diffOf = ({ kind, name, existed, now, before }: Change): string[] => {
  if (kind !== 'setting') {
    const what = kind === 'entry' ? `keystore ${name}` : `file ${name}`;
    return [existed ? `~ ${what}: as it was before` : `- ${what}`];
  }
  return [
    ...(now === undefined ? [] : [`- ${name}: ${text(now)}`]),
    ...(existed ? [`+ ${name}: ${text(before)}`] : []),
  ];
};

const count = (changes: readonly Change[], kind: Change['kind'], one: string, more: string): string[] => {
  const n = changes.filter((change) => change.kind === kind).length;
  return n === 0 ? [] : [n === 1 ? one : `${n} ${more}`];
};

const isRestart = ({ kind, name }: Change): boolean =>
  kind === 'setting' || (kind === 'entry' && settingRule(name)?.effect === 'restart');

const isReload = ({ kind, name }: Change): boolean => kind === 'entry' && settingRule(name)?.effect !== 'restart';

const changeOf = (node: NodeObservation, ids: readonly string[], ours: readonly Change[], password: string | null) => {
  const restart = ours.some(isRestart);
  const undo: OperationCall<'undo'> = {
    name: 'undo',
    input: { deliveries: [...ids], ...keystorePasswordInput(password) },
  };
  const operations = restart && node.agent.state === 'online' ? [undo, restartOf(node.agent.facts)] : [undo];
  const parts = [
    ...count(ours, 'file', 'a file', 'files'),
    ...count(ours, 'setting', 'a setting', 'settings'),
    ...count(ours, 'entry', 'a keystore entry', 'keystore entries'),
  ];
  const reload = !restart && ours.some(isReload);
  return {
    ...{ operations, restart, reload, diff: ours.flatMap(diffOf) },
    reasons: [`the run changed ${parts.join(', ')}`],
  } satisfies NodeChange;
};

const reloadStep = (cluster: string, node: string, keystorePassword: string | null): AnyStep => ({
  ...{ id: `reload-${cluster}.${node}`, kind: 'secure-settings.reload', target: node, effect: 'reload' },
  ...{ reason: 'a secure setting goes back in the keystore', diff: '', stage: `reload-${cluster}` },
  input: { cluster, node, keystorePassword },
});

const stepsOf = (facts: RollbackFacts, cluster: ClusterObservation, node: NodeObservation, ids: readonly string[]) => {
  const backups = facts.backups.get(nodeKey({ cluster: cluster.name, node: node.name }));
  const ours = backups?.changes.filter(({ state }) => state === 'ours') ?? [];
  const password = keystorePasswordReference(facts, cluster.name, node.name);
  // An entry that is back in the keystore may not be in the process: an earlier rollback of the run may have ended in between. A reload too many does no harm.
  const isBack = backups?.changes.some((change) => change.state === 'back' && isReload(change)) ?? false;
  if (ours.length === 0) return isBack ? [reloadStep(cluster.name, node.name, password)] : [];
  const change = changeOf(node, ids, ours, password);
  const stages = { roll: `roll-${cluster.name}`, files: `files-${cluster.name}` };
  const effect = change.restart ? 'restart' : change.reload ? 'reload' : 'file';
  return [
    nodeStep({ cluster, node, change, effect, stages }),
    ...(change.reload || (isBack && !change.restart) ? [reloadStep(cluster.name, node.name, password)] : []),
  ];
};

const warningsOf = (facts: RollbackFacts, delivered: NodeDeliveries): string[] => {
  const { cluster, node } = delivered;
  const seen = facts.clusters.get(cluster)?.nodes.some(({ name }) => name === node);
  if (!seen) return [`Node ${node} of cluster ${cluster}, which the run changed, is gone: it is left out.`];
  const foreign = facts.backups.get(nodeKey(delivered))?.changes.filter(({ state }) => state === 'foreign') ?? [];
  return foreign.map(
    ({ name }) =>
      `${name} on node ${node} of cluster ${cluster} was changed by somebody else since, and stays as it is.`,
  );
};

/** Takes back what agents carried out for the run, the clusters in the reverse of its order, each with its restarts under the gates. */
export const nodesPart = (facts: RollbackFacts): Part & { readonly clusters: readonly string[] } => {
  const delivered = deliveriesOf(facts.run);
  const clusters = [...new Set(delivered.map(({ cluster }) => cluster))];
  const steps = clusters.flatMap((name) => {
    const cluster = facts.clusters.get(name);
    const ids = new Map(delivered.filter((one) => one.cluster === name).map((one) => [one.node, one.ids]));
    const nodes = rollOrder((cluster?.nodes ?? []).filter((node) => ids.has(node.name)));
    return cluster ? nodes.flatMap((node) => stepsOf(facts, cluster, node, ids.get(node.name) ?? [])) : [];
  });
  return { steps, clusters, warnings: delivered.flatMap((one) => warningsOf(facts, one)), findings: [] };
};
