import {
  type CloudDeployment,
  cloudDeploymentName,
  type TrustRestrictionsRemoval,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { keylessAliases } from '../connect-certificate/hand-made.ts';
import { heirSteps, neededBy } from '../connect-certificate/heirs.ts';
import { keptAsOwn, type TrustLoss, trustRemovalSteps } from '../connect-certificate/removal.ts';
import { removalFindings } from '../connect-certificate/removal-refusals.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { NodeObservation } from '../facts.ts';
import { type Finding, throwFindings } from '../node/agent-findings.ts';
import { afterOther, changeOf } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { rollOrder } from '../order.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { type DeploymentTrustRecord, deploymentTrustId } from '../trust/deployment-trust.ts';
import { restrictionsFile, restrictionsPath, standingPatterns, wantedRestrictions } from '../trust/restrictions.ts';
import { heldByOthers } from './deployments.ts';
import type { TrustRestrictionFacts } from './facts.ts';
import { clusterFindings, nodeFindings, whereOf } from './refusals.ts';

/** The CA of everybody in a region goes first, and only then a name that keeps others of it out. */
const stages: readonly Stage[] = [
  { id: 'distrust-roll', title: 'Have every node trust the CA of the deployment no more', mode: 'roll' },
  { id: 'distrust-files', title: 'Take the CA of the deployment out', mode: 'parallel' },
  { id: 'distrust-verify', title: 'Prove that every node is in its cluster', mode: 'parallel' },
  { id: 'roll', title: 'Let its nodes in no more', mode: 'roll' },
  { id: 'files', title: 'Let its nodes in no more', mode: 'parallel' },
  { id: 'verify', title: 'Prove that every node is in its cluster', mode: 'parallel' },
  { id: 'end', title: 'Records', mode: 'serial' },
];

/** Phases of the steps that change nodes; see `node.change`. */
const TRUST = 1;
const NAMES = 2;

interface Going {
  readonly record: DeploymentTrustRecord;
  readonly others: readonly DeploymentTrustRecord[];
  readonly facts: TrustRestrictionFacts;
  readonly loss: TrustLoss;
}

const goingOf = (deployment: CloudDeployment, facts: TrustRestrictionFacts): Going | null => {
  const { cluster, transport, trusted, connections } = facts;
  const id = deploymentTrustId({ ...deployment, cluster: cluster.name });
  const record = trusted.find((one) => deploymentTrustId(one) === id);
  if (record === undefined) return null;
  const others = trusted.filter((one) => one !== record);
  const drops = record.authorities.map(({ fingerprint256 }) => fingerprint256);
  // Deployments of one region have one CA.
  const needed = neededBy(cluster.name, { connections, deploymentTrusts: others });
  return {
    ...{ record, others, facts },
    loss: { facts: transport, drops, needed, found: record.found },
  };
};

/** Where the CA stands in what others wrote it goes on letting the region in, once its record is gone and the restrictions go. */
const heldFindings = ({ record, facts, loss }: Going): Finding[] => {
  const authorities = record.authorities.filter(({ fingerprint256 }) => !loss.needed.includes(fingerprint256));
  return facts.cluster.nodes.flatMap((node) =>
    heldByOthers({ authorities }, node, facts).map(
      ({ subject, where }): Finding => [
        'conflict',
        `${whereOf(node, facts.cluster)} trusts ${subject}, the CA of deployment ${cloudDeploymentName(record)}, by ${where} too, which Remora did not write: take it out there first.`,
      ],
    ),
  );
};

const refuse = (going: Going): void => {
  const { facts, loss, record } = going;
  const { cluster, connections } = facts;
  throwFindings([
    ...clusterFindings(cluster),
    ...cluster.nodes.flatMap((node) => {
      const found = nodeFindings(node, cluster);
      return found.length > 0 ? found : reloadFindings(node, cluster);
    }),
    ...heldFindings(going),
    ...removalFindings(loss, connections, { keep: `leave deployment ${cloudDeploymentName(record)} trusted` }),
  ]);
};

/** Whom the file of a node lets in, without the deployment; null where that file is not Remora's, not known, or lets it in no more. */
const patternsLeft = ({ record, others }: Going, node: NodeObservation): readonly string[] | null => {
  if (restrictionsPath(node) !== restrictionsFile) return null;
  const standing = standingPatterns(node, restrictionsFile);
  const isShared = others.some(({ pattern }) => pattern === record.pattern);
  if (standing === null || isShared || !standing.includes(record.pattern)) return null;
  return standing.filter((pattern) => pattern !== record.pattern);
};

const verifyStep = (
  { facts: { cluster } }: Going,
  stage: string,
  node: string,
  patterns: readonly string[],
): AnyStep => ({
  ...{ id: `${stage}-${cluster.name}.${node}`, kind: 'transport-name.verify', target: node, effect: 'none', diff: '' },
  ...{ reason: 'it must be in its cluster, with a name that the others let in', stage },
  input: { cluster: cluster.name, node, patterns, reloads: true },
});

const nameSteps = (going: Going, changed: ReadonlySet<string>, { hash }: PlanContext): AnyStep[] => {
  const { cluster } = going.facts;
  return rollOrder(cluster.nodes).flatMap((node): AnyStep[] => {
    const patterns = patternsLeft(going, node);
    if (patterns === null || node.agent.state !== 'online') return [];
    const alone = changeOf(node, node.agent.facts, wantedRestrictions(patterns, hash));
    if (alone === null) return [];
    const change = changed.has(node.name) ? afterOther(alone) : alone;
    const effect = change.restart ? 'restart' : 'file';
    return [
      nodeStep({ cluster, node, change, effect, stages: { roll: 'roll', files: 'files' }, phase: NAMES }),
      verifyStep(going, 'verify', node.name, patterns),
    ];
  });
};

const stepsOf = (going: Going, context: PlanContext): AnyStep[] => {
  const { record, others, facts, loss } = going;
  const distrust = trustRemovalSteps(loss, { roll: 'distrust-roll', files: 'distrust-files' }, { phase: TRUST });
  const changed = new Set(distrust.map(({ target }) => target));
  const proofs = facts.cluster.nodes.flatMap((node) => {
    const patterns = standingPatterns(node, restrictionsPath(node) ?? '');
    return changed.has(node.name) && patterns !== null
      ? [verifyStep(going, 'distrust-verify', node.name, patterns)]
      : [];
  });
  const name = cloudDeploymentName(record);
  return [
    ...distrust,
    ...proofs,
    ...nameSteps(going, changed, context),
    ...heirSteps(
      { found: record.found ?? [], clusters: [record.cluster] },
      { connections: facts.connections, deploymentTrusts: others },
      'end',
    ),
    {
      ...{ id: `forget-${record.cloud}.${record.deployment}`, kind: 'deployment-trust.record', target: 'coordinator' },
      ...{ effect: 'none', reason: 'nothing of the trust is left', stage: 'end' },
      diff: `- cluster ${record.cluster} trusts deployment ${name}`,
      input: { id: deploymentTrustId(record), trust: null },
    },
  ];
};

/** A name that was mistyped looks like one that is trusted no more. */
const untrusted = ({ cluster, trusted }: TrustRestrictionFacts, deployment: CloudDeployment): string[] =>
  trusted.length === 0
    ? []
    : [
        `By what is on record the nodes of ${cluster.name} do not trust deployment ${cloudDeploymentName(deployment)}. They trust ${trusted.map(cloudDeploymentName).join(', ')}.`,
      ];

/** What breaks on either side, and what is left on the other one. */
const lossWarnings = ({ record, facts, loss }: Going): string[] => {
  const { cluster, cloud, deployment } = record;
  const name = cloudDeploymentName(record);
  const isCaKept = loss.drops.every((one) => loss.needed.includes(one));
  const aliases = isCaKept ? keylessAliases(facts.cluster, facts.connections) : [];
  return [
    `Connections by certificates between ${cluster} and deployment ${name}, of either side, fail then. The deployment goes on trusting ${cluster} where it does: \`remora clouds trust ${cloud} ${deployment} NAME --remove\` has it end.`,
    ...aliases.map(
      (alias) =>
        `The alias ${alias} of ${cluster} connects without an API key, and may lead to deployment ${name}: then it fails once the nodes of that are let in no more.`,
    ),
    ...keptAsOwn(loss),
  ];
};

/**
 * Plans that the nodes of a cluster trust a deployment in Elastic Cloud no more; the restrictions stay. Throws all that forbids it; a plan without steps means that it is
 * not trusted.
 */
export const planDeploymentRemoval = (
  request: TrustRestrictionsRemoval & { readonly deployment: CloudDeployment },
  facts: TrustRestrictionFacts,
  context: PlanContext,
): StoredPlan => {
  const { cluster } = facts;
  const going = goingOf(request.deployment, facts);
  if (going !== null) refuse(going);
  const steps = going === null ? [] : inStageOrder(stages, stepsOf(going, context));
  const restarts = steps.filter(({ effect }) => effect === 'restart').map(({ target }) => target);
  const distinct = [...new Set(restarts)];
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    workflow: 'trust-restrictions-removal',
    wanted: request,
    title: `Trust deployment ${cloudDeploymentName(request.deployment)} on ${cluster.name} no more`,
    createdAt: context.now,
    clusters: [cluster.name],
    stages: usedStages(stages, steps),
    steps,
    restarts,
    outages: outagesOf(cluster, distinct),
    warnings: [
      ...(going === null ? untrusted(facts, request.deployment) : lossWarnings(going)),
      ...unreplicatedWarning(cluster, distinct),
    ],
  };
};
