import type { AuditDraft } from '../audit/chain.ts';
import { nodeKey } from '../plan/node/node-id.ts';
import type { AnyStep, StepKind } from '../plan/steps.ts';
import type { RunRecord, StepState } from '../store/runs/run-hash.ts';

/** What a driver records of its run; the run adds on whose behalf, and by which plan. */
export type RunAudit = Omit<AuditDraft, 'actor' | 'runId' | 'planId'>;

/** Whether the end of a step belongs into the audit log: all do that may have changed something. */
const recorded: Readonly<Record<StepKind, boolean>> = {
  'ca.create': true,
  'ca.import': true,
  'ca.succession': true,
  'certificate.issue': true,
  'signing-certificate.issue': true,
  'signing-certificate.forget': true,
  'node.change': true,
  // It may issue and place another certificate.
  'remote-server.verify': true,
  'peer-trust.verify': false,
  'certificate.verify': false,
  'transport-name.verify': false,
  'deployment-trust.record': true,
  'cluster.trust': true,
  'cloud.key': true,
  'cloud.trust': true,
  'api-key.create': true,
  'api-key.update': true,
  'secure-settings.reload': true,
  'cluster-settings.put': true,
  'api-key.put-back': true,
  'api-key.invalidate': true,
  'api-key.revoke': true,
  'api-keys.revoke': true,
  'api-key.identify': true,
  'api-key.verify': false,
  'inventory.put-back': true,
  // It is recorded as what it is, with the run that it marks.
  'run.rollback': false,
  'connection.prove': false,
  'signing-settings.put': true,
  'signing-trust.verify': false,
  'signing.verify': false,
  'trust.verify': false,
  'handshake.verify': false,
  'role.put': true,
  'user.put': true,
  'connection.record': true,
};

/** `CLUSTER/NODE` of a step on a node, else the step's own target. */
export const auditTarget = ({ input, target }: AnyStep): string => ('node' in input ? nodeKey(input) : target);

/** How a step ended; null for one that changes nothing. Of a failure the code: what Elasticsearch and agents said stands in the run. */
export const stepEnd = (step: AnyStep, { status, error }: Pick<StepState, 'status' | 'error'>): RunAudit | null => {
  if (!recorded[step.kind]) return null;
  const detail = error ? `${error.code}: ${step.reason}` : step.reason;
  return { action: step.kind, target: auditTarget(step), stepId: step.id, outcome: status, detail };
};

/** An entry of a run, complete. */
export const ofRun = ({ head }: Pick<RunRecord, 'head'>, entry: RunAudit): AuditDraft => {
  const { actor, runId, planId } = head;
  return { actor, runId, planId, ...entry };
};
