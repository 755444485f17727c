/** Where Remora places files, relative to a node's configuration directory. */
export const files = {
  /** The PKCS#12 file of a remote node. */
  serverKeystore: 'remora-remote-cluster-server.p12',
  /** One bundle holds the CAs of all remotes of a local cluster. */
  caBundle: 'remora-remote-cluster-cas.crt',
} as const;
