import type { OperationCall } from '@remora/shared/operations.ts';
import { settingRule } from '@remora/shared/settings.ts';
import { rotationPhases } from '../certificates/ca-rotation-stages.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { afterOther, type NodeChange, restartOf } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordInput, keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { files } from '../node/placed-files.ts';
import { rollOrder } from '../order.ts';
import type { AnyStep, Stage } from '../steps.ts';
import { deliveredKey, deliveriesOf, type NodeDeliveries } from './deliveries.ts';
import type { Backups, RollbackFacts } from './facts.ts';
import { servedSteps } from './served.ts';
import type { Part } from './settings.ts';

type Change = Backups['changes'][number];

/** What the run delivered to one cluster in one phase. */
interface Group {
  readonly cluster: string;
  readonly phase: number;
}

/** The stage that proves what the nodes serve again, before a further phase is taken back. */
const servedStage = (group: Group): string => `served-${groupName(group)}`;

/** Names of clusters have no dot. */
const groupName = ({ cluster, phase }: Group): string => (phase === 0 ? cluster : `${cluster}.${phase}`);

/** Stages of one group, in this order. */
const stagesOf = (group: Group): Stage[] => {
  const [name, { cluster }] = [groupName(group), group];
  return [
    { id: `files-${name}`, title: `Put files of cluster ${cluster} back`, mode: 'parallel' },
    { id: `roll-${name}`, title: `Roll cluster ${cluster}`, mode: 'roll' },
    { id: `reload-${name}`, title: `Reload secure settings of cluster ${cluster}`, mode: 'parallel' },
    { id: servedStage(group), title: `Prove what cluster ${cluster} serves again`, mode: 'parallel' },
  ];
};

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

/** Node names have no comma. */
const stepId = (what: string, { cluster, node, phase }: NodeDeliveries): string =>
  `${what}-${cluster}.${node}${phase === 0 ? '' : `,${phase}`}`;

const reloadStep = (delivered: NodeDeliveries, keystorePassword: string | null): AnyStep => {
  const { cluster, node } = delivered;
  return {
    ...{ id: stepId('reload', delivered), kind: 'secure-settings.reload', target: node, effect: 'reload' },
    ...{ reason: 'a secure setting goes back in the keystore', diff: '', stage: `reload-${groupName(delivered)}` },
    input: { cluster, node, keystorePassword },
  };
};

/** What was changed in this phase, of what is known of it and, of the rotation of a CA, of later phases. */
const changesOf = (facts: RollbackFacts, delivered: NodeDeliveries): readonly Change[] => {
  const changes = facts.backups.get(deliveredKey(delivered))?.changes ?? [];
  if (facts.run.plan.workflow !== 'rotate-ca') return changes;
  const isTrust = (name: string): boolean => [files.caBundle, files.signingCas].some((file) => name.endsWith(file));
  return changes.filter(({ name }) => isTrust(name) === (delivered.phase !== rotationPhases.serve));
};

const stepsOf = (
  facts: RollbackFacts,
  cluster: ClusterObservation,
  node: NodeObservation,
  delivered: NodeDeliveries,
  /** Something that was delivered to the node in another phase is taken back before. */
  isLater: boolean,
): AnyStep[] => {
  const changes = changesOf(facts, delivered);
  const ours = changes.filter(({ state }) => state === 'ours');
  const password = keystorePasswordReference(facts, cluster.name, node.name);
  // An entry that is back in the keystore may not be in the process: an earlier rollback of the run may have ended in between. A reload too many does no harm.
  const isBack = changes.some((change) => change.state === 'back' && isReload(change));
  if (ours.length === 0) return isBack ? [reloadStep(delivered, password)] : [];
  const alone = changeOf(node, delivered.ids, ours, password);
  const change = isLater ? afterOther(alone) : alone;
  const stages = { roll: `roll-${groupName(delivered)}`, files: `files-${groupName(delivered)}` };
  const effect = change.restart ? 'restart' : change.reload ? 'reload' : 'file';
  return [
    { ...nodeStep({ cluster, node, change, effect, stages }), id: stepId('change', delivered) },
    ...(change.reload || (isBack && !change.restart) ? [reloadStep(delivered, password)] : []),
  ];
};

/** Whether files go back in this phase, or did in an earlier rollback that came no further, that the node reads without a restart. */
const isFileAlone = (facts: RollbackFacts, delivered: NodeDeliveries, steps: readonly AnyStep[]): boolean => {
  const change = steps.find(({ kind }) => kind === 'node.change');
  if (change !== undefined) return change.effect === 'file';
  return changesOf(facts, delivered).some(({ kind, state }) => kind === 'file' && state === 'back');
};

const warningsOf = (facts: RollbackFacts, delivered: NodeDeliveries): string[] => {
  const { cluster, node } = delivered;
  const seen = facts.clusters.get(cluster)?.nodes.some(({ name }) => name === node);
  if (!seen) return [`Node ${node} of cluster ${cluster}, which the run changed, is gone: it is left out.`];
  const foreign = changesOf(facts, delivered).filter(({ state }) => state === 'foreign');
  return foreign.map(
    ({ name }) =>
      `${name} on node ${node} of cluster ${cluster} was changed by somebody else since, and stays as it is.`,
  );
};

/** The phase in which something of the node is taken back first, by node. */
const firstPhases = (delivered: readonly NodeDeliveries[]): ReadonlyMap<string, number> =>
  new Map(delivered.toReversed().map((one) => [nodeKey(one), one.phase]));

/**
 * Takes back what agents carried out for the run, the clusters in the reverse of its order, and of each the phases in the reverse of theirs, with restarts under the
 * gates; or of one phase alone.
 */
export const nodesPart = (
  facts: RollbackFacts,
  now: string,
  phase?: number,
): Part & { readonly stages: readonly Stage[] } => {
  const delivered = deliveriesOf(facts.run).filter((one) => phase === undefined || one.phase === phase);
  const groups = Map.groupBy(delivered, groupName);
  const first = firstPhases(deliveriesOf(facts.run));
  const steps = [...groups.values()].flatMap((group) => {
    const cluster = facts.clusters.get(group[0]?.cluster ?? '');
    const of = new Map(group.map((one) => [one.node, one]));
    const isFirst = (one: NodeDeliveries): boolean => first.get(nodeKey(one)) === one.phase;
    const back = rollOrder(cluster?.nodes ?? []).flatMap((node) => {
      const one = of.get(node.name);
      return cluster && one ? [{ one, steps: stepsOf(facts, cluster, node, one, !isFirst(one)) }] : [];
    });
    const served = back
      .filter(({ one, steps }) => isFirst(one) && isFileAlone(facts, one, steps))
      .map(({ one }) => one);
    return [
      ...back.flatMap(({ steps }) => steps),
      ...servedSteps(facts, served, { stage: servedStage(group[0] as Group), now }),
    ];
  });
  const warnings = [...new Set(delivered.flatMap((one) => warningsOf(facts, one)))];
  return {
    steps,
    stages: [...groups.values()].flatMap(([one]) => (one ? stagesOf(one) : [])),
    warnings,
    findings: [],
  };
};
