import type { SigningCertificateRecord } from '../records.ts';

/** A record to be, without what is known only once the certificate is made. */
export interface SigningIssue extends Omit<SigningCertificateRecord, 'facts' | 'given'> {
  /** Of a certificate that is not made but was signed elsewhere: the request under which it is on record, with its key. */
  readonly given?: { readonly request: string; readonly fingerprint256: string };
}

/** `cluster.remote.ALIAS.signing.*` or `cluster.remote.signing.*`, relative to the configuration directories; null for what does not stand there. */
export type SigningSettings = Readonly<Record<string, string | null>>;
