import type { EffectClass } from '@remora/shared/settings.ts';
import type { ClusterObservation, ConnectFacts, NodeObservation } from '../facts.ts';
import { statedOutages } from '../roll/outages.ts';
import type { SeenProcess } from '../roll/roll-inputs.ts';
import type { AnyStep } from '../steps.ts';
import type { NodeChange } from './node-change.ts';
import { keystorePasswordNames } from './secret-names.ts';
import { keptVersion } from './secret-versions.ts';

export interface NodeStepParts {
  readonly cluster: ClusterObservation;
  readonly node: Pick<NodeObservation, 'name'>;
  readonly change: NodeChange;
  readonly effect: EffectClass;
  readonly stages: { readonly roll: string; readonly files: string };
  /** See the step's input. */
  readonly phase?: number;
  /** Of a node whose agent is away. */
  readonly unseen?: SeenProcess;
  /** Beginning of the step's id, where a plan changes a node more than once. */
  readonly prefix?: string;
}

/** The step that carries out a node's change: in the roll when it restarts the node, else beside the others. */
export const nodeStep = ({
  cluster,
  node,
  change,
  effect,
  stages,
  phase,
  unseen,
  prefix = 'change',
}: NodeStepParts): AnyStep => ({
  // Cluster names have no dot: with a dash, node b-c of cluster a and node c of cluster a-b would be one step.
  id: `${prefix}-${cluster.name}.${node.name}`,
  kind: 'node.change',
  target: node.name,
  effect,
  reason: change.reasons.join('; '),
  diff: change.diff.join('\n'),
  stage: change.restart ? stages.roll : stages.files,
  input: {
    cluster: cluster.name,
    node: node.name,
    operations: change.operations,
    baseline: { health: cluster.health, nodes: cluster.nodes.length },
    outageStated: statedOutages(cluster, node.name),
    ...(phase === undefined ? {} : { phase }),
    ...(unseen ? { unseen } : {}),
  },
});

/** That reference as operations of agents take it; nothing where there is no password. */
export const keystorePasswordInput = (
  reference: string | null,
): { readonly keystorePassword?: { readonly $secret: string } } =>
  reference === null ? {} : { keystorePassword: { $secret: reference } };

/** The reference of a node's keystore password when somebody stored one. */
export const keystorePasswordReference = (
  facts: Pick<ConnectFacts, 'secretVersions'>,
  cluster: string,
  node: string,
): string | null => {
  const name = keystorePasswordNames(cluster, node).find(
    (candidate) => keptVersion(facts.secretVersions, candidate) !== null,
  );
  return name === undefined ? null : `secret:${name}@${facts.secretVersions[name]}`;
};

/** Whether a step's agent was away when the plan was made. */
export const isUnseen = (step: AnyStep): boolean => step.kind === 'node.change' && step.input.unseen !== undefined;
