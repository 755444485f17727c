import { createHash } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { type ConnectRequest, checkConnectRequest } from '@remora/shared/model/connect-request.ts';
import type { ConnectionView, NodeProof } from '@remora/shared/model/inventory.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { observeConnect } from '../observe/observe-connect.ts';
import type { ObserveParts } from '../observe/observe-nodes.ts';
import { isProven, proveConnection } from '../observe/proof.ts';
import { planConnect } from '../plan/connect.ts';
import type { ConnectionRecord } from '../plan/records.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { ConnectOptions, Services } from '../services.ts';

export interface ConnectionServiceParts extends ObserveParts {
  readonly newPlanId: () => string;
  /** Files a plan and starts a run of it; a repeated key gives the first run. */
  readonly start: (
    plan: StoredPlan,
    options: { readonly actor: string; readonly idempotencyKey?: string },
  ) => Promise<Run>;
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

const connect = async (
  parts: ConnectionServiceParts,
  request: ConnectRequest,
  options: ConnectOptions,
): Promise<Run> => {
  const plan = await makePlan(parts, request);
  if (options.planHash !== null && options.planHash !== plan.hash) {
    throw new RemoraError(
      'conflict',
      'What was observed changed since the plan was shown, and the plan would be another now.',
      { hint: 'Look at it again with --check.' },
    );
  }
  if (plan.outages.length > 0 && !request.acceptOutage) refuseOutage(plan);
  return parts.start(plan, {
    actor: options.actor,
    ...(options.idempotencyKey === null ? {} : { idempotencyKey: options.idempotencyKey }),
  });
};

const proofOf = async (
  parts: ConnectionServiceParts,
  record: ConnectionRecord,
  keyId: string | null,
): Promise<NodeProof[]> => {
  try {
    return await proveConnection(parts, record.local, record.alias, keyId);
  } catch (error) {
    return [{ node: record.local, ok: false, state: 'failed', error: messageOf(error), hint: null }];
  }
};

const viewOf = async (parts: ConnectionServiceParts, record: ConnectionRecord): Promise<ConnectionView> => {
  const key = await parts.inventory.apiKeys.get(record.keySecret);
  const proof = await proofOf(parts, record, key?.id ?? null);
  const { local, remote, alias, auth, mode } = record;
  const expiresAt = key?.expiresAtMs ? new Date(key.expiresAtMs).toISOString() : null;
  return {
    local,
    remote,
    alias,
    auth,
    mode,
    connected: isProven(proof),
    proof,
    key: key ? { id: key.id, name: key.name, expiresAt } : null,
    managed: true,
  };
};

export const connectionService = (parts: ConnectionServiceParts): Services['connections'] => {
  const views = async (local?: string, alias?: string): Promise<ConnectionView[]> => {
    const records = await parts.inventory.connections.list();
    const wanted = records.filter(
      (record) => (local === undefined || record.local === local) && (alias === undefined || record.alias === alias),
    );
    return Promise.all(wanted.map((record) => viewOf(parts, record)));
  };
  const one = async (local: string, alias: string): Promise<ConnectionView> => {
    await parts.clients.record(local);
    const [view] = await views(local, alias);
    if (!view)
      throw new RemoraError('not-found', `Cluster ${local} has no connection "${alias}" that Remora manages.`, {
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
    list: () => views(),
    show: one,
    check: async (local, alias) =>
      local !== undefined && alias !== undefined ? [await one(local, alias)] : views(local, alias),
  };
};
