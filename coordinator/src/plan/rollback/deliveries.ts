import { rotationPhase } from '../certificates/ca-rotation-stages.ts';
import { type NodeId, nodeKey } from '../node/node-id.ts';
import type { AnyStep } from '../steps.ts';
import type { Backups, PastRun, PastStep, RollbackFacts } from './facts.ts';

/** What an agent takes back at once; older ones left out would be a change that is overlooked. */
export const MOST_DELIVERIES = 50;

/** What a run delivered to one node in one phase. */
export interface NodeDeliveries extends NodeId {
  /** See `node.change`: later ones are taken back first, on all nodes of the cluster. */
  readonly phase: number;
  /** Newest first. */
  readonly ids: readonly string[];
  /** Those by which it is told how the node stands: where later phases changed the same files theirs too. */
  readonly upTo: readonly string[];
  /** Of each of these at least one has to be known to the agent: it changed something for certain. */
  readonly certain: readonly (readonly string[])[];
}

/** After a restore of the store from a back-up, deliveries have its id too; those before it had not. */
const idsOf = ({ runId, restored }: PastRun, { id }: AnyStep, { attempts }: PastStep): string[] =>
  Array.from({ length: attempts }, (_, i) => `${runId}/${id}/${attempts - i}`).flatMap((delivery) =>
    restored === null ? [delivery] : [`${delivery}+${restored}`, delivery],
  );

/**
 * Whether something was delivered for certain: a certificate only when it was issued anew, a change unless it was undone or never begun. One that failed after
 * the agent had begun it is contested: something of it may stand.
 */
const isCertain = ({ kind }: AnyStep, { status, intent, kept }: PastStep): boolean => {
  if (kind === 'remote-server.verify') return status === 'succeeded' && intent !== null;
  const { began, doneSince } = (kept ?? {}) as { readonly began?: true; readonly doneSince?: unknown };
  return status === 'succeeded' || doneSince !== undefined || (status === 'failed' && began === true);
};

type ChangingStep = Extract<AnyStep, { kind: 'node.change' | 'remote-server.verify' }>;

/** Whether the step changes a node beyond a restart. */
export const changesNode = (step: AnyStep): step is ChangingStep =>
  step.kind === 'remote-server.verify' ||
  (step.kind === 'node.change' && step.input.operations.some(({ name }) => name !== 'service'));

/** Names what was delivered to a node in one phase; of a run without phases the node. */
export const deliveredKey = (one: Pick<NodeDeliveries, 'cluster' | 'node' | 'phase'>): string =>
  one.phase === 0 ? nodeKey(one) : `${nodeKey(one)}/${one.phase}`;

/** What a node's agent said that it could take back, of all phases of the run. */
export const changesOn = (
  { run, backups }: Pick<RollbackFacts, 'run' | 'backups'>,
  node: NodeId,
): readonly Backups['changes'][number][] => {
  const keys = [
    nodeKey(node),
    ...deliveriesOf(run)
      .filter((one) => one.cluster === node.cluster && one.node === node.node)
      .map(deliveredKey),
  ];
  return [...new Set(keys)].flatMap((key) => backups.get(key)?.changes ?? []);
};

/** The rotation of a CA changes bundles twice, and what serves in between, whatever kind of step does it. */
const isCaRotation = ({ plan }: PastRun): boolean => plan.workflow === 'rotate-ca';

/** Whether a later phase changes files that an earlier one wrote. */
const isWrittenTwice = (run: PastRun): boolean =>
  isCaRotation(run) ||
  (run.plan.workflow === 'connect' &&
    run.plan.steps.some((step) => step.kind === 'node.change' && (step.input.phase ?? 0) > 0));

const phaseOf = (run: PastRun, { kind, input, stage }: ChangingStep): number => {
  if (isCaRotation(run)) return rotationPhase(stage);
  return kind === 'node.change' ? (input.phase ?? 0) : 0;
};

interface Collected extends NodeDeliveries {
  readonly ids: string[];
  upTo: readonly string[];
  readonly certain: string[][];
}

/** The deliveries of a run by node and phase, in the reverse of the order in which it came to them. */
export const deliveriesOf = (run: PastRun): NodeDeliveries[] => {
  const [nodes, all] = [new Map<string, Collected>(), new Map<string, string[]>()];
  const isTwice = isWrittenTwice(run);
  for (const step of run.plan.steps.toReversed()) {
    const past = run.steps.get(step.id);
    if (!past || past.attempts === 0 || !changesNode(step)) continue;
    const { cluster, node } = step.input;
    const at = { cluster, node, phase: phaseOf(run, step) };
    const found = nodes.get(deliveredKey(at)) ?? { ...at, ids: [], upTo: [], certain: [] };
    nodes.set(deliveredKey(at), found);
    const ids = idsOf(run, step, past);
    found.ids.push(...ids);
    const newer = [...(all.get(nodeKey(at)) ?? []), ...ids];
    all.set(nodeKey(at), newer);
    found.upTo = isTwice ? newer : found.ids;
    if (isCertain(step, past)) found.certain.push(ids);
  }
  return [...nodes.values()];
};
