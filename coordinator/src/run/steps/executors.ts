import type { Executors, Restorers } from '../executor.ts';
import { createCaStep, importCaStep, issueCertificateStep } from './certificates/certificates.ts';
import { recordDeploymentTrustStep } from './certificates/deployment-trust.ts';
import { forgetSigningCertificateStep, issueSigningCertificateStep } from './certificates/signing-certificate.ts';
import { trustClusterStep, verifyTrustStep } from './certificates/trust.ts';
import { verifyBundleStep } from './certificates/verify-bundle.ts';
import { verifyCertificateStep } from './certificates/verify-certificate.ts';
import { verifyHandshakesStep } from './certificates/verify-handshakes.ts';
import { verifyServerStep } from './certificates/verify-server.ts';
import { verifySigningStep, verifySigningTrustStep } from './certificates/verify-signing.ts';
import { verifyTransportNameStep } from './certificates/verify-transport-name.ts';
import { cloudKeyStep, cloudTrustStep } from './cluster/cloud.ts';
import { putClusterSettingsStep } from './cluster/cluster-settings.ts';
import { proveConnectionStep, recordConnectionStep } from './cluster/connection.ts';
import { putRoleStep, putUserStep } from './cluster/roles.ts';
import { putSigningSettingsStep } from './cluster/signing-settings.ts';
import { API_KEYS, createApiKeyStep, settleApiKeys, updateApiKeyStep } from './keys/api-key.ts';
import { identifyApiKeyStep } from './keys/api-key-identity.ts';
import { invalidateApiKeyStep, putBackApiKeyStep, revokeApiKeyStep } from './keys/api-key-undo.ts';
import { revokeApiKeysStep } from './keys/api-keys-revoke.ts';
import { successionStep } from './keys/succession.ts';
import { verifyApiKeyStep } from './keys/verify-api-key.ts';
import { ALLOCATION, restoreAllocation } from './node/allocation.ts';
import { nodeChangeStep } from './node/node-change.ts';
import { restorePauses, withPauses } from './node/pauses.ts';
import { reloadSecureSettingsStep } from './node/reload.ts';
import { measured } from './node/restart-times.ts';
import type { StepParts } from './parts.ts';
import { putBackRecordsStep, rollbackStep } from './rollback.ts';

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
  'deployment-trust.record': recordDeploymentTrustStep(parts),
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
