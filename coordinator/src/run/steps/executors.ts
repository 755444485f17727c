import type { Executors, Restorers } from '../executor.ts';
import { ALLOCATION, restoreAllocation } from './allocation.ts';
import { API_KEYS, createApiKeyStep, settleApiKeys, updateApiKeyStep } from './api-key.ts';
import { identifyApiKeyStep } from './api-key-identity.ts';
import { invalidateApiKeyStep, putBackApiKeyStep, revokeApiKeyStep } from './api-key-undo.ts';
import { revokeApiKeysStep } from './api-keys-revoke.ts';
import { createCaStep, importCaStep, issueCertificateStep } from './certificates.ts';
import { cloudKeyStep, cloudTrustStep } from './cloud.ts';
import { putClusterSettingsStep } from './cluster-settings.ts';
import { proveConnectionStep, recordConnectionStep } from './connection.ts';
import { nodeChangeStep } from './node-change.ts';
import type { StepParts } from './parts.ts';
import { restorePauses, withPauses } from './pauses.ts';
import { reloadSecureSettingsStep } from './reload.ts';
import { measured } from './restart-times.ts';
import { putRoleStep, putUserStep } from './roles.ts';
import { putBackRecordsStep, rollbackStep } from './rollback.ts';
import { forgetSigningCertificateStep, issueSigningCertificateStep } from './signing-certificate.ts';
import { putSigningSettingsStep } from './signing-settings.ts';
import { successionStep } from './succession.ts';
import { trustClusterStep, verifyTrustStep } from './trust.ts';
import { verifyApiKeyStep } from './verify-api-key.ts';
import { verifyBundleStep } from './verify-bundle.ts';
import { verifyCertificateStep } from './verify-certificate.ts';
import { verifyHandshakesStep } from './verify-handshakes.ts';
import { verifyServerStep } from './verify-server.ts';
import { verifySigningStep, verifySigningTrustStep } from './verify-signing.ts';
import { verifyTransportNameStep } from './verify-transport-name.ts';

/** One executor a kind of step; a kind without one does not compile. */
export const createExecutors = (parts: StepParts): Executors => ({
  'ca.create': createCaStep(parts),
  'ca.import': importCaStep(parts),
  'ca.succession': successionStep(parts),
  'certificate.issue': issueCertificateStep(parts),
  'signing-certificate.issue': issueSigningCertificateStep(parts),
  'signing-certificate.forget': forgetSigningCertificateStep(parts),
  'node.change': withPauses(parts, measured(parts, nodeChangeStep(parts))),
  'remote-server.verify': verifyServerStep(parts),
  'peer-trust.verify': verifyTrustStep(parts),
  'certificate.verify': verifyCertificateStep(parts),
  'transport-name.verify': verifyTransportNameStep(parts),
  'cloud.key': cloudKeyStep(parts),
  'cloud.trust': cloudTrustStep(parts),
  'cluster.trust': trustClusterStep(parts),
  'api-key.create': createApiKeyStep(parts),
  'api-key.update': updateApiKeyStep(parts),
  'api-key.put-back': putBackApiKeyStep(parts),
  'api-key.invalidate': invalidateApiKeyStep(parts),
  'api-key.revoke': revokeApiKeyStep(parts),
  'api-keys.revoke': revokeApiKeysStep(parts),
  'api-key.identify': identifyApiKeyStep(parts),
  'api-key.verify': verifyApiKeyStep(parts),
  'inventory.put-back': putBackRecordsStep,
  'run.rollback': rollbackStep,
  'secure-settings.reload': reloadSecureSettingsStep(parts),
  'cluster-settings.put': putClusterSettingsStep(parts),
  'signing-settings.put': putSigningSettingsStep(parts),
  'signing-trust.verify': verifySigningTrustStep(parts),
  'signing.verify': verifySigningStep(parts),
  'trust.verify': verifyBundleStep(parts),
  'handshake.verify': verifyHandshakesStep(parts),
  'connection.prove': proveConnectionStep(parts),
  'role.put': putRoleStep(parts),
  'user.put': putUserStep(parts),
  'connection.record': recordConnectionStep(parts),
});

export const createRestorers = (parts: Pick<StepParts, 'clients' | 'secrets'>): Restorers => ({
  [API_KEYS]: settleApiKeys(parts),
  [ALLOCATION]: restoreAllocation(parts.clients),
  ...restorePauses(parts.clients),
});
