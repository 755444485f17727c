import type { RunStatus } from '@remora/shared/model/run.ts';
import type { AuditDraft } from '../../audit/chain.ts';
import type { RunRecord } from './run-hash.ts';

/** What the audit log says of something that was done to a run. */
export const entryOf = ({ head }: RunRecord, actor: string, action: string): AuditDraft => {
  const { runId, planId, clusters } = head;
  return { actor, action, target: clusters.join(', '), runId, planId };
};

/** An event of a run as a whole, as the scripts append it; `at` is ISO 8601, UTC. */
export const runEvent = (at: string, runId: string, status: RunStatus, message: string): string =>
  JSON.stringify({ at, runId, type: 'run', stepId: null, status, message });
