import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { deploymentLock } from '../cloud-deployment/local-side.ts';
import { isForeign } from '../connection/connection-records.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import { remoteRoleSteps, remoteRoleWarnings } from '../roles/remote-roles.ts';
import { outagesOf } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { StoredPlan } from '../steps.ts';
import type { DisconnectFacts } from './facts.ts';
import { goneTrustSteps } from './gone.ts';
import { keySteps, localSteps } from './local.ts';
import { endSteps } from './records.ts';
import { refuse } from './refusals.ts';
import { scopeOf } from './scope.ts';
import { serverSteps, signingTrustSteps } from './server.ts';
import { stageIds, stages } from './stages.ts';
import { warningsOf } from './warnings.ts';

/**
 * Plans to take a connection apart, from the facts alone: both clusters are then as they were before `connect`, but for what others use and what they changed since. Asked
 * again half-way it plans what is left. Throws a RemoraError with all findings when it cannot be done.
 */
export const planDisconnect = (
  request: DisconnectRequest,
  facts: DisconnectFacts,
  context: PlanContext,
): StoredPlan => {
  const scope = scopeOf(request, facts, context);
  refuse(scope);
  const steps = inStageOrder(stages, [
    ...localSteps(scope),
    ...keySteps(scope),
    ...signingTrustSteps(scope),
    ...serverSteps(scope),
    ...goneTrustSteps(scope),
    ...(request.removeRoles ? remoteRoleSteps(facts.remoteRoles, stageIds.roles) : []),
    ...endSteps(scope),
  ]);
  const restartsIn = (stage: string): string[] =>
    steps.filter((step) => step.stage === stage).map(({ target }) => target);
  const remoteRestarts = [stageIds.remoteRoll, stageIds.distrustRoll].flatMap(restartsIn);
  const restarts = {
    local: [...restartsIn(stageIds.lines), ...restartsIn(stageIds.localRoll)],
    remote: [...new Set(remoteRestarts)],
  };
  const { local, alias } = facts.connection;
  const remote = facts.remote.name;
  const { deployment } = facts.local;
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    workflow: 'disconnect',
    wanted: request,
    title: `Disconnect ${local} from ${remote} ("${alias}")`,
    createdAt: context.now,
    clusters: [
      ...(isForeign(facts.connection) ? [local] : [local, remote]),
      ...(deployment === undefined ? [] : [deploymentLock(deployment)]),
    ],
    stages: usedStages(stages, steps),
    steps,
    restarts: [...restarts.local, ...remoteRestarts],
    outages: [...outagesOf(facts.local, restarts.local), ...outagesOf(facts.remote, restarts.remote)],
    warnings: [...warningsOf(scope, restarts), ...remoteRoleWarnings(facts.remoteRoles, request.removeRoles === true)],
  };
};
