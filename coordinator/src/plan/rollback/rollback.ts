import { type PlanContext, withoutBaseline } from '../context.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { deploymentStages, deploymentsPart } from './deployments.ts';
import { earlierPart, PROOF_STAGE } from './earlier.ts';
import type { RollbackFacts } from './facts.ts';
import { KEY_STAGE, keysPart } from './keys/keys.ts';
import { PRINCIPAL_STAGE, principalsPart } from './keys/principals.ts';
import { nodesPart } from './nodes.ts';
import { END_STAGE, endSteps } from './records.ts';
import { refuse } from './refusals.ts';
import { type NodesBack, rotationBack } from './rotation.ts';
import { isResigning, resigningBack } from './signing/resigning.ts';
import { signingPart, signingStages } from './signing/signing.ts';
import { settingsBack, switchProofs, withAliases } from './switch-back.ts';

/** A run that is to be taken back. */
export interface RollbackRequest {
  readonly run: string;
}

/**
 * What is proven makes the plan another one, but not on which nodes, nor who is not asked whether it has a key: that follows whose agents are online, also of nodes
 * that the rollback does not change.
 */
const hashOf = (context: PlanContext, steps: readonly AnyStep[], provable: readonly string[]): string => {
  const changes = steps.filter(({ kind }) => kind !== 'connection.prove');
  return context.hash(
    JSON.stringify([changes, provable], (key, value: unknown) =>
      key === 'away' ? undefined : withoutBaseline(key, value),
    ),
  );
};

const nodesBack = (facts: RollbackFacts, now: string): NodesBack => {
  if (facts.run.plan.workflow === 'rotate-ca') return rotationBack(facts, now);
  return isResigning(facts.run) ? resigningBack(facts, now) : { ...nodesPart(facts, now), isBack: () => false };
};

/**
 * Plans to take a run back, from what it recorded and what the agents' journals hold: the reverse of its order, aliases first, keys and records last. What
 * somebody changed since stays and is named in the warnings. Throws a RemoraError with all findings when it cannot be done.
 */
export const planRollback = (request: RollbackRequest, facts: RollbackFacts, context: PlanContext): StoredPlan => {
  const [settings, nodes, keys] = [settingsBack(facts), nodesBack(facts, context.now), keysPart(facts, context.now)];
  const signing = signingPart(facts, context.now);
  const deployments = deploymentsPart(facts);
  const earlier = earlierPart(facts, settings, context.now);
  const principals = principalsPart(facts);
  const found = [settings, signing, deployments, keys, principals].flatMap(({ findings }) => findings);
  refuse(facts, found, context.now);
  const changes = [...settings.steps, ...signing.steps, ...nodes.steps, ...deployments.steps];
  const { steps: proofs, provable } = changes.length + keys.steps.length > 0 ? earlier : { steps: [], provable: [] };
  const steps = [
    ...[...changes, ...switchProofs(facts.run, settings, proofs), ...proofs],
    ...[...keys.steps, ...principals.steps, ...endSteps(facts, nodes.isBack)],
  ];
  const principalStage: Stage = { id: PRINCIPAL_STAGE, title: 'Roles and users', mode: 'serial' };
  // What a migration removed counts from when certificates let users in again.
  const isFirst = facts.run.plan.workflow === 'migrate';
  const stages: readonly Stage[] = [
    ...(isFirst ? [principalStage] : []),
    signingStages.demandOff,
    ...withAliases(facts.run, [signingStages.off, ...nodes.stages, signingStages.on, signingStages.demandOn]),
    ...deploymentStages,
    { id: PROOF_STAGE, title: 'Prove what was there before', mode: 'serial' },
    { id: KEY_STAGE, title: 'API keys', mode: 'serial' },
    ...(isFirst ? [] : [principalStage]),
    { id: END_STAGE, title: 'Records', mode: 'serial' },
  ];
  const sorted = inStageOrder(stages, steps);
  const restarting = sorted.filter(({ stage }) => stages.find(({ id }) => id === stage)?.mode === 'roll');
  const restartsOf = (cluster: string): string[] =>
    restarting.flatMap(({ input, target }) => ('node' in input && input.cluster === cluster ? [target] : []));
  const rolled = [...facts.clusters.values()].map((cluster) => ({ cluster, restarts: restartsOf(cluster.name) }));
  const { run } = facts;
  return {
    planId: context.planId,
    hash: hashOf(context, sorted, provable),
    ...{ workflow: 'rollback', wanted: request, title: `Take ${run.runId} back (${run.plan.title})` },
    createdAt: context.now,
    clusters: run.plan.clusters,
    stages: usedStages(stages, sorted),
    steps: sorted,
    restarts: restarting.map(({ target }) => target),
    outages: rolled.flatMap(({ cluster, restarts }) => outagesOf(cluster, [...new Set(restarts)])),
    warnings: [
      ...[settings, signing, nodes, deployments, keys, principals, earlier].flatMap(({ warnings }) => warnings),
      ...rolled.flatMap(({ cluster, restarts }) => unreplicatedWarning(cluster, restarts)),
    ],
  };
};
