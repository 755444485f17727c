import type { IssuedPurpose } from '@remora/shared/model/certificates/issued-purpose.ts';

export type CertificateUsage = 'server' | 'client';

/**
 * Nodes are server and client of each other on the transport port. The certificate that signs cross-cluster requests is judged as a client's: Elasticsearch
 * hands it to `checkClientTrusted` of its trust manager, and without an address it has no names either.
 */
export const usagesOf: Readonly<Record<IssuedPurpose, readonly CertificateUsage[]>> = {
  remote_cluster_server: ['server'],
  transport: ['server', 'client'],
  http: ['server'],
  remote_signing: ['client'],
};

/** The extensions that say so, as `setExtensions` of node-forge takes them. */
export const usageExtensions = (usages: readonly CertificateUsage[]): readonly Readonly<Record<string, unknown>>[] => {
  const server = usages.includes('server');
  return [
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: server },
    { name: 'extKeyUsage', serverAuth: server, clientAuth: usages.includes('client') },
  ];
};
