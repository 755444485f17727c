import type { AuditDraft } from '../audit/chain.ts';
import type { RunRecord } from './run-hash.ts';

/** What the audit log says of something that was done to a run. */
export const entryOf = ({ head }: RunRecord, actor: string, action: string): AuditDraft => {
  const { runId, planId, clusters } = head;
  return { actor, action, target: clusters.join(', '), runId, planId };
};
