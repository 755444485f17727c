import { type ErrorCode, RemoraError } from '@remora/shared/errors.ts';

/** How long a run tries to plan again, while it holds its clusters and a node or a cluster is away. */
export const PLAN_LIMIT_MS = 15 * 60_000;

const codes: readonly ErrorCode[] = [
  'agent-offline',
  'cluster-unreachable',
  'elasticsearch-error',
  'delivery-timeout',
  'preflight-failed',
  'wrong-node',
];

/** Whether a plan that cannot be made now may be made in a moment: a node is just coming back, a cluster has no master. */
export const mayPass = (error: unknown): boolean => !(error instanceof RemoraError) || codes.includes(error.code);
