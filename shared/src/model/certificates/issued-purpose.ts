/**
 * What Remora issues certificates for: ports of a node, and the signing of cross-cluster requests (`cluster.remote.ALIAS.signing.certificate`).
 */
export const issuedPurposes = ['remote_cluster_server', 'transport', 'http', 'remote_signing'] as const;
export type IssuedPurpose = (typeof issuedPurposes)[number];
