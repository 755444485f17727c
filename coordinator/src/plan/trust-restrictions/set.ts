import {
  cloudDeploymentName,
  type TrustRestrictionsRequest,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { afterOther, changeOf, type NodeChange, type WantedNode } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { rollOrder } from '../order.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { wantedRestrictions } from '../trust/restrictions.ts';
import { ownPattern } from '../trust/trusted-names.ts';
import { loadedSteps, readsBundle, recordSteps, wantedAuthorities } from './deployments.ts';
import type { RestrictingFacts } from './facts.ts';
import { refuseRestrictions } from './refusals.ts';

/**
 * Nobody is held to names before every node was seen to have one, and one node is before the others. The CA of a deployment, which is that of everybody in its region,
 * comes last.
 */
const stages: readonly Stage[] = [
  { id: 'names', title: 'Prove that every node has a name that is let in', mode: 'parallel' },
  { id: 'record', title: 'Put on record whom the cluster trusts', mode: 'serial' },
  { id: 'first-roll', title: 'Restrict the trust of the first node', mode: 'roll' },
  { id: 'first-verify', title: 'Prove that it is in its cluster', mode: 'serial' },
  { id: 'roll', title: 'Restrict the trust of the others', mode: 'roll' },
  { id: 'files', title: 'Place the patterns', mode: 'parallel' },
  { id: 'verify', title: 'Prove that every node is in its cluster', mode: 'parallel' },
  { id: 'trust-roll', title: 'Have every node trust the CAs of the deployments', mode: 'roll' },
  { id: 'trust-files', title: 'Place the CAs of the deployments', mode: 'parallel' },
  { id: 'trust-verify', title: 'Prove that they are trusted', mode: 'parallel' },
];

/** Those that are asked for, of deployments too, and those of the cluster's own nodes, which would be out of it else. */
const patternsOf = ({ allow }: TrustRestrictionsRequest, facts: RestrictingFacts): string[] => {
  const { cluster, ports, deployments } = facts;
  const own = cluster.nodes.flatMap(({ name }) => (ports.get(name)?.names ?? []).slice(0, 1)).map(ownPattern);
  return [...new Set([...own, ...allow, ...deployments.map(({ pattern }) => pattern)])].sort();
};

/** What is to be done on a node: whom it lets in, and then whose certificates it trusts. */
interface NodePart {
  readonly node: NodeObservation;
  readonly restricting: NodeChange | null;
  readonly trusting: NodeChange | null;
}

interface Wanted {
  readonly facts: RestrictingFacts;
  readonly patterns: readonly string[];
  readonly context: PlanContext;
}

const together = (a: WantedNode, b: Omit<WantedNode, 'keystorePassword'>): WantedNode => ({
  ...{ files: [...a.files, ...b.files], settings: { ...a.settings, ...b.settings } },
  ...{ without: b.without ?? [], keystore: {}, keystorePassword: null },
});

/**
 * A CA that lets strangers in must not count before the restrictions do. A process that starts has read both, and one restart is enough for them; one that reads the file
 * of CAs already would have it before.
 */
const partOf = ({ facts, patterns, context }: Wanted, node: NodeObservation): NodePart => {
  if (node.agent.state !== 'online') return { node, restricting: null, trusting: null };
  const found = node.agent.facts;
  const restrictions = wantedRestrictions(patterns, context.hash);
  const trust = wantedAuthorities(facts, node, context.now);
  const restricting = changeOf(node, found, restrictions);
  const trusting = trust && changeOf(node, found, { ...trust, keystorePassword: null });
  if (trust && restricting?.restart && trusting?.restart && !readsBundle(node))
    return { node, restricting: changeOf(node, found, together(restrictions, trust)), trusting: null };
  return { node, restricting, trusting: trusting && restricting ? afterOther(trusting) : trusting };
};

/** See `phase` of the step: the CAs go before the restrictions when a run is taken back. */
const TRUST = 1;

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

const restrictingSteps = ({ facts: { cluster }, patterns }: Wanted, parts: readonly NodePart[]): AnyStep[] => {
  const first = parts.find(({ restricting }) => restricting?.restart)?.node;
  return parts.flatMap(({ node, restricting: change }) => {
    if (change === null) return [];
    const stages = { roll: node === first ? 'first-roll' : 'roll', files: 'files' };
    return [
      nodeStep({ cluster, node, change, effect: change.restart ? 'restart' : 'file', stages }),
      verifyStep(cluster, node, node === first ? 'first-verify' : 'verify', {
        patterns,
        ...(change.restart ? {} : { reloads: true }),
      }),
    ];
  });
};

const trustingSteps = ({ facts, context }: Wanted, parts: readonly NodePart[]): AnyStep[] => {
  const { cluster } = facts;
  const stages = { roll: 'trust-roll', files: 'trust-files' };
  return parts.flatMap(({ node, restricting, trusting: change }) => {
    const isGiven = change !== null || restricting?.restart === true;
    if (!isGiven) return [];
    const effect = change?.restart ? 'restart' : 'file';
    return [
      ...(change ? [nodeStep({ cluster, node, change, effect, stages, phase: TRUST, prefix: 'trust' })] : []),
      ...loadedSteps(facts, node, 'trust-verify', context.now),
    ];
  });
};

const stepsOf = (wanted: Wanted): AnyStep[] => {
  const { facts, patterns, context } = wanted;
  const { cluster } = facts;
  const parts = rollOrder(cluster.nodes).map((node) => partOf(wanted, node));
  const steps = [
    ...recordSteps(facts, 'record', context.now),
    ...restrictingSteps(wanted, parts),
    ...trustingSteps(wanted, parts),
  ];
  return steps.length === 0
    ? []
    : [...cluster.nodes.map((node) => verifyStep(cluster, node, 'names', { patterns })), ...steps];
};

/** Aliases that connect by certificates over the transport port: no node has a credential for them. */
const certificateAliases = ({ nodes, persistent, transient }: ClusterObservation): string[] => {
  const aliases = [persistent, transient]
    .flatMap((settings) => Object.keys(settings))
    .flatMap((name) => /^cluster\.remote\.([^.]+)\.(seeds|proxy_address)$/.exec(name)?.[1] ?? []);
  const hasKey = (alias: string): boolean =>
    nodes.some(
      ({ agent }) =>
        agent.state === 'online' && agent.facts.keystore.entries?.some(({ name }) => name === credentialEntry(alias)),
    );
  return [...new Set(aliases)].filter((alias) => !hasKey(alias)).sort();
};

/** A connection by certificates needs trust on both sides. */
const deploymentWarnings = ({ cluster: { name }, deployments }: RestrictingFacts): string[] =>
  deployments.map(
    (one) =>
      `The nodes of ${name} trust the CA of the region of deployment ${cloudDeploymentName(one)}, and let in nodes named ${one.pattern} alone of it. The deployment in turn has to trust the CA of ${name}, by its names: \`remora clouds trust ${one.cloud} ${one.deployment} NAME --ca CA\`, with --scope and --clusters, or --nodes.`,
  );

const warningsOf = (facts: RestrictingFacts): string[] => [...deploymentWarnings(facts), ...peerWarnings(facts)];

const peerWarnings = ({ cluster, peers }: RestrictingFacts): string[] => [
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
 * later need no restart, nor do further CAs.
 */
export const planTrustRestrictions = (
  request: TrustRestrictionsRequest,
  facts: RestrictingFacts,
  context: PlanContext,
): StoredPlan => {
  const { cluster } = facts;
  const patterns = patternsOf(request, facts);
  refuseRestrictions(request, facts, { patterns, now: context.now });
  const steps = inStageOrder(stages, stepsOf({ facts, patterns, context }));
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
    outages: outagesOf(cluster, [...new Set(restarts)]),
    warnings: steps.length === 0 ? [] : [...warningsOf(facts), ...unreplicatedWarning(cluster, [...new Set(restarts)])],
  };
};
