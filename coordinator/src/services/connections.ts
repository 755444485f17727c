import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { type ChangeOptions, checkChangeOptions } from '@remora/shared/model/change-options.ts';
import { type ConnectRequest, checkConnectRequest } from '@remora/shared/model/connect-request.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { observeConnect } from '../observe/observe-connect.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import { type GateParts, observeGates, sayGates } from '../observe/roll-gates.ts';
import { planConnect } from '../plan/connect/connect.ts';
import { gates } from '../plan/gates.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { ConnectOptions, Services } from '../services.ts';
import { connectionViews } from './connection-views.ts';

export interface ConnectionServiceParts extends ObserveParts, GateParts {
  readonly newPlanId: () => string;
  /** Files a plan and starts a run of it; a repeated key gives the first run. */
  readonly start: (
    plan: StoredPlan,
    options: { readonly actor: string; readonly idempotencyKey?: string; readonly options?: ChangeOptions },
  ) => Promise<Run>;
  readonly startedWith: (actor: string, idempotencyKey: string) => Promise<Run | null>;
  readonly savePlan: (plan: StoredPlan) => Promise<void>;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const makePlan = async (
  parts: ObserveParts & Pick<ConnectionServiceParts, 'newPlanId'>,
  request: ConnectRequest,
): Promise<StoredPlan> => {
  checkConnectRequest(request);
  const facts = await observeConnect(parts, request);
  return planConnect(request, facts, { planId: parts.newPlanId(), now: parts.clock().toISOString(), hash: sha256 });
};

/** Makes a connect plan that had to wait again; throws `conflict` when it would be another by now, and whatever forbids it. */
export const recheckConnect =
  (parts: ObserveParts) =>
  async (plan: StoredPlan): Promise<void> => {
    const now = await makePlan({ ...parts, newPlanId: () => plan.planId }, plan.wanted as ConnectRequest);
    if (now.hash === plan.hash) return;
    throw new RemoraError(
      'conflict',
      'The run had to wait for another one, and what was observed changed meanwhile: the plan would be another now.',
      {
        hint: 'Run the same command again; it makes a new plan.',
      },
    );
  };

const refuseOutage = (plan: StoredPlan): never => {
  throw new RemoraError('outage-not-accepted', `This would make something unavailable: ${plan.outages.join(' ')}`, {
    findings: plan.outages,
  });
};

/** A gate that a moment closes (a new index, say) is no reason to refuse: this long it may take to open. */
const GATE_PATIENCE_MS = 10_000;

/** Refuses a roll whose first node could not be restarted now, while nothing has been changed yet. Later ones wait for their gates in the run. */
const refuseClosedGates = async (
  parts: ConnectionServiceParts,
  plan: StoredPlan,
  override: readonly string[],
): Promise<void> => {
  const rolls = plan.stages
    .filter(({ mode }) => mode === 'roll')
    .map(({ id }) => plan.steps.find((step) => step.stage === id));
  const until = parts.clock().getTime() + GATE_PATIENCE_MS;
  for (const step of rolls) {
    if (step?.kind !== 'node.change') continue;
    const look = async () => (await observeGates(parts, step.input)).filter(({ gate }) => !override.includes(gate));
    for (let closed = await look(); closed.length > 0; closed = await look()) {
      if (parts.clock().getTime() > until) {
        throw new RemoraError(
          'gate-closed',
          `Node ${step.input.node} of cluster ${step.input.cluster} may not be restarted now: ${sayGates(closed)}.`,
        );
      }
      await sleep(500);
    }
  }
};

const connect = async (
  parts: ConnectionServiceParts,
  request: ConnectRequest,
  options: ConnectOptions,
): Promise<Run> => {
  const { actor, idempotencyKey, change } = options;
  checkChangeOptions(change, Object.keys(gates), parts.clock());
  // Asked again because the answer was lost: the fleet is in the middle of that run, and another plan would be made of it.
  const started = idempotencyKey === null ? null : await parts.startedWith(actor, idempotencyKey);
  if (started) return started;
  const plan = await makePlan(parts, request);
  if (options.planHash !== null && options.planHash !== plan.hash) {
    throw new RemoraError(
      'conflict',
      'What was observed changed since the plan was shown, and the plan would be another now.',
      { hint: 'Look at it again with --check.' },
    );
  }
  if (plan.outages.length > 0 && !change.acceptOutage) refuseOutage(plan);
  await refuseClosedGates(parts, plan, change.override ?? []);
  return parts.start(plan, { actor, options: change, ...(idempotencyKey === null ? {} : { idempotencyKey }) });
};

export const connectionService = (parts: ConnectionServiceParts): Services['connections'] => {
  const one = async (local: string, alias: string): Promise<ConnectionView> => {
    await parts.clients.record(local);
    const [view] = await connectionViews(parts, local, alias);
    if (!view)
      throw new RemoraError('not-found', `Cluster ${local} has no connection "${alias}".`, {
        hint: 'See `remora connections list`.',
      });
    return view;
  };
  return {
    async plan(request) {
      const plan = await makePlan(parts, request);
      await parts.savePlan(plan);
      return plan;
    },
    connect: (request, options) => connect(parts, request, options),
    list: () => connectionViews(parts),
    show: one,
    check: async (local, alias) =>
      local !== undefined && alias !== undefined ? [await one(local, alias)] : connectionViews(parts, local, alias),
  };
};
