import type { PlacedPurpose } from '@remora/shared/model/requests/place-request.ts';

/** Where Remora places files, relative to a node's configuration directory. */
export const files = {
  /** The PKCS#12 file of a remote node. */
  serverKeystore: 'remora-remote-cluster-server.p12',
  /** One bundle holds the CAs of all remotes of a local cluster. */
  caBundle: 'remora-remote-cluster-cas.crt',
  /** One bundle holds the CAs whose signatures a remote cluster takes, of all local clusters that sign. */
  signingCas: 'remora-signing-cas.crt',
} as const;

/**
 * The PKCS#12 file with which a local node signs what it asks over an alias. It could be a PEM pair: but two files become others one after the other, and Elasticsearch,
 * which looks every few seconds, would load a key and a certificate that do not belong together if it looked in between.
 */
export const signingKeystore = (alias: string): string => `remora-signing-${alias}.p12`;

/** Where the certificates of a node's ports are placed, relative to its configuration directory. */
export const portFiles = {
  remote_cluster_server: { keystore: files.serverKeystore },
  transport: {
    keystore: 'remora-transport.p12',
    /** CAs of the inventory that the nodes of a cluster trust in each other. */
    bundle: 'remora-transport-cas.crt',
    /** Whose certificates the nodes take, of those that a CA of theirs signed. */
    restrictions: 'remora-trust-restrictions.yml',
    /** CAs of the transport ports of clusters with which this one is connected by certificate. */
    remotes: 'remora-transport-remote-cas.crt',
  },
  http: {
    keystore: 'remora-http.p12',
    /** For the agent beside the node, which asks the node over HTTPS. Elasticsearch does not read it. */
    bundle: 'remora-http-cas.crt',
  },
} as const satisfies Record<PlacedPurpose, unknown>;

/** CAs that nodes trusted in each other through a truststore, which Elasticsearch does not take together with PEM files. */
export const foundAuthorities = 'remora-transport-found.crt';
