import type { NodeId } from '../node/node-id.ts';
import type { ServingPurpose } from '../node/ssl.ts';

/** What a certificate shall say, decided when the plan is made. */
export interface CertificateWish {
  readonly commonName: string;
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  /** Common names as SANs of the kind `otherName`, by which trust restrictions know a node. */
  readonly otherNames?: readonly string[];
  /** Those of the names and addresses without which it is reissued; the others are there because they were known when it was issued. */
  readonly required: readonly string[];
  readonly validityMs: number;
}

export interface CertificateIssue extends NodeId, CertificateWish {
  readonly ca: string;
  readonly purpose: ServingPurpose;
  /** Where it is placed, relative to the node's configuration directory: a PKCS#12 file, or a PEM file beside that of its key. */
  readonly path: string;
  /** Secrets that receive the PKCS#12 file and its password. Of a PEM pair the first is that of the certificate with its chain, and there is no password. */
  readonly p12Secret: string;
  readonly passwordSecret: string;
  /** The key of a PEM pair. */
  readonly key?: PemKey;
  /** Of a certificate that is not made but was signed elsewhere: the request under which it is on record, with its key. */
  readonly given?: { readonly request: string; readonly fingerprint256: string };
}

/** A private key that stands as PEM in a file of its own. */
export interface PemKey {
  /** Relative to the node's configuration directory. */
  readonly path: string;
  /** The secret that receives the file. */
  readonly secret: string;
  /** Of the passphrase with which it is encrypted; null for a key that is not. */
  readonly passphraseSecret: string | null;
}
