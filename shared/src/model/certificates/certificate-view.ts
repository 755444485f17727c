import Type, { type Static } from 'typebox';
import { CertificateFacts } from './certificate.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** What a node has a certificate for: those that a port serves, and the CAs that it trusts there. */
export const certificatePurposes = [
  'remote_cluster_server',
  'transport',
  'http',
  /** What a node signs requests to remote clusters with. */
  'remote_cluster_signing',
  'remote_cluster_client_ca',
  'transport_ca',
  'http_ca',
] as const;
export type CertificatePurpose = (typeof certificatePurposes)[number];

/** Those that a node trusts, and no port serves. */
export const isCaPurpose = (purpose: CertificatePurpose): boolean => purpose.endsWith('_ca');

/**
 * How bad it is: `critical` is refused by peers, or is as soon as it is loaded; `warning` will be, if nobody does anything; `note` is worth knowing, and may be
 * meant so.
 */
export const certificateLevels = ['ok', 'note', 'warning', 'critical'] as const;
export type CertificateLevel = (typeof certificateLevels)[number];

/** A certificate of a node, as `certs list` answers it. */
export const CertificateView = Type.Object({
  node: Type.String(),
  cluster: Type.String(),
  purpose: Type.Enum([...certificatePurposes]),
  ...CertificateFacts.properties,
  /** Null, as the fingerprint, and no names: of one in others' keystores that was seen nowhere else, Elasticsearch tells no more. */
  notBefore: Nullable(Type.String()),
  fingerprint256: Nullable(Type.String()),
  /** Whole days until it ends, rounded down; negative once it has ended. */
  daysLeft: Type.Integer(),
  /** The file that it is in, as elasticsearch.yml names it; null for one that is served and stands in no file that could be read. */
  path: Nullable(Type.String()),
  /** Whether the node's port serves it now; null where no port serves such certificates, or it could not be seen. */
  served: Nullable(Type.Boolean()),
  /** Subjects of the certificates that are sent with it, nearest first. */
  chain: Type.Array(Type.String()),
  /** Name of the CA of Remora's inventory that signed it, or that it is; null for others. */
  ca: Nullable(Type.String()),
  /** Whether Remora made and placed it. */
  managed: Type.Boolean(),
  /** As people say it, like `RSA 3072`; null where the certificate itself was not seen. */
  key: Nullable(Type.String()),
  /** The algorithm of its signature as OpenSSL names it; null as above. */
  signature: Nullable(Type.String()),
  /** Whether the private key beside it is its own; null where that is not known, as of a keystore that no port serves. */
  keyMatches: Nullable(Type.Boolean()),
  /** The worst of the findings. */
  level: Type.Enum([...certificateLevels]),
  /** What is wrong with it and what to do, a sentence each; the worst first. */
  findings: Type.Array(Type.String()),
});
export type CertificateView = Static<typeof CertificateView>;

export const CertificateList = Type.Object({
  /** The one that ends next first. */
  certificates: Type.Array(CertificateView),
  /** Clusters and nodes that could not be looked at, or not wholly, and why: a sentence each. */
  problems: Type.Array(Type.String()),
});
export type CertificateList = Static<typeof CertificateList>;
