import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { CloudDeployment } from '@remora/shared/model/requests/trust-restrictions-request.ts';
import type { FoundSettings } from '../connection/connection-records.ts';

/** What is kept of a CA of others: enough to find it in files, and in stores of which Elasticsearch tells. */
export type KnownAuthority = Pick<CertificateFacts, 'subject' | 'issuer' | 'serial' | 'notAfter' | 'fingerprint256'>;

/** That the nodes of a cluster trust the CA of a deployment in Elastic Cloud on their transport ports, and are to let in its nodes by their names alone. */
export interface DeploymentTrustRecord extends CloudDeployment {
  readonly cluster: string;
  /** What the names of its nodes match. */
  readonly pattern: string;
  /** All CAs that it had since: each of them stays trusted. */
  readonly authorities: readonly KnownAuthority[];
  /** What nodes had in elasticsearch.yml before; see `found-settings.ts`. Absent where nothing was changed for it. */
  readonly found?: readonly FoundSettings[];
}

/** By which it is filed. */
export const deploymentTrustId = ({
  cluster,
  cloud,
  deployment,
}: Pick<DeploymentTrustRecord, 'cluster' | 'cloud' | 'deployment'>): string => `${cluster}/${cloud}/${deployment}`;
