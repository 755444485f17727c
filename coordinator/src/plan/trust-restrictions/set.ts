import type { TrustRestrictionsRequest } from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { changeOf } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { rollOrder } from '../order.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { wantedRestrictions } from '../trust/restrictions.ts';
import { ownPattern } from '../trust/trusted-names.ts';
import type { RestrictingFacts, TrustRestrictionFacts } from './facts.ts';
import { refuseRestrictions } from './refusals.ts';

/** Nobody is held to names before every node was seen to have one, and one node is before the others. */
const stages: readonly Stage[] = [
  { id: 'names', title: 'Prove that every node has a name that is let in', mode: 'parallel' },
  { id: 'first-roll', title: 'Restrict the trust of the first node', mode: 'roll' },
  { id: 'first-verify', title: 'Prove that it is in its cluster', mode: 'serial' },
  { id: 'roll', title: 'Restrict the trust of the others', mode: 'roll' },
  { id: 'files', title: 'Place the patterns', mode: 'parallel' },
  { id: 'verify', title: 'Prove that every node is in its cluster', mode: 'parallel' },
];

/** Those that are asked for and those of the cluster's own nodes, which would be out of it else. */
const patternsOf = ({ allow }: TrustRestrictionsRequest, { cluster, ports }: TrustRestrictionFacts): string[] => {
  const own = cluster.nodes.flatMap(({ name }) => (ports.get(name)?.names ?? []).slice(0, 1)).map(ownPattern);
  return [...new Set([...own, ...allow])].sort();
};

interface Changed {
  readonly node: NodeObservation;
  readonly step: AnyStep;
  readonly restart: boolean;
}

const changesOf = (cluster: ClusterObservation, patterns: readonly string[], { hash }: PlanContext): Changed[] => {
  const changes = rollOrder(cluster.nodes).flatMap((node) => {
    const wanted = wantedRestrictions(patterns, hash);
    const change = node.agent.state === 'online' ? changeOf(node, node.agent.facts, wanted) : null;
    return change === null ? [] : [{ node, change }];
  });
  const first = changes.find(({ change }) => change.restart)?.node;
  return changes.map(({ node, change }) => {
    const where = { roll: node === first ? 'first-roll' : 'roll', files: 'files' };
    const step = nodeStep({ cluster, node, change, effect: change.restart ? 'restart' : 'file', stages: where });
    return { node, step, restart: change.restart };
  });
};

const verifyStep = (
  cluster: ClusterObservation,
  { name }: Pick<NodeObservation, 'name'>,
  stage: string,
  wish: { readonly patterns: readonly string[]; readonly reloads?: true },
): AnyStep => ({
  id: `${stage === 'names' ? 'name' : 'verify'}-${cluster.name}.${name}`,
  ...{ kind: 'transport-name.verify', target: name, effect: 'none', diff: '', stage },
  reason:
    stage === 'names'
      ? 'the others must let it in once they go by names'
      : 'it must be in its cluster, with a name that the others let in',
  input: { cluster: cluster.name, node: name, ...wish },
});

const stepsOf = (cluster: ClusterObservation, patterns: readonly string[], context: PlanContext): AnyStep[] => {
  const changes = changesOf(cluster, patterns, context);
  if (changes.length === 0) return [];
  return [
    ...cluster.nodes.map((node) => verifyStep(cluster, node, 'names', { patterns })),
    ...changes.flatMap(({ node, step, restart }) => [
      step,
      verifyStep(cluster, node, step.stage === 'first-roll' ? 'first-verify' : 'verify', {
        patterns,
        ...(restart ? {} : { reloads: true }),
      }),
    ]),
  ];
};

/** Aliases that connect by certificates over the transport port: no node has a credential for them. */
const certificateAliases = ({ nodes, persistent, transient }: ClusterObservation): string[] => {
  const aliases = [persistent, transient]
    .flatMap((settings) => Object.keys(settings))
    .flatMap((name) => /^cluster\.remote\.([^.]+)\.(seeds|proxy_address)$/.exec(name)?.[1] ?? []);
  const hasKey = (alias: string): boolean =>
    nodes.some(
      ({ agent }) =>
        agent.state === 'online' &&
        agent.facts.keystore.entries?.some(({ name }) => name === `cluster.remote.${alias}.credentials`),
    );
  return [...new Set(aliases)].filter((alias) => !hasKey(alias)).sort();
};

const warningsOf = ({ cluster, peers }: RestrictingFacts): string[] => [
  `Clusters that connect to the transport ports of ${cluster.name} by certificates are let in only by a name that a pattern matches; connections that are open stay so until they are made anew. Those that Remora made were looked at; which others there are cannot be seen from here.`,
  ...certificateAliases(cluster)
    .filter((alias) => !peers.some(({ connection }) => connection === `${cluster.name}/${alias}`))
    .map(
      (alias) =>
        `The connection ${alias} of ${cluster.name} goes by certificates: the nodes of its remote cluster must have a name that a pattern matches too, or it fails.`,
    ),
];

/**
 * Plans whom the nodes of a cluster let in on their transport ports. Throws all that forbids it; a plan without steps means that all are restricted so. Patterns that change
 * later need no restart.
 */
export const planTrustRestrictions = (
  request: TrustRestrictionsRequest,
  facts: RestrictingFacts,
  context: PlanContext,
): StoredPlan => {
  const { cluster } = facts;
  const patterns = patternsOf(request, facts);
  refuseRestrictions(facts, patterns);
  const steps = inStageOrder(stages, stepsOf(cluster, patterns, context));
  const restarts = steps.filter(({ effect }) => effect === 'restart').map(({ target }) => target);
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    workflow: 'trust-restrictions',
    wanted: request,
    title: `Restrict whom the nodes of ${cluster.name} trust`,
    createdAt: context.now,
    clusters: [cluster.name],
    stages: usedStages(stages, steps),
    steps,
    restarts,
    outages: outagesOf(cluster, restarts),
    warnings: steps.length === 0 ? [] : [...warningsOf(facts), ...unreplicatedWarning(cluster, restarts)],
  };
};
