import { isHostName, isIp } from '@remora/shared/model/values/address.ts';
import { fileNameOf } from '@remora/shared/model/values/names.ts';
import type { NodeObservation } from '../facts.ts';
import type { WantedFile } from '../node/node-change.ts';
import type { NodeId } from '../node/node-id.ts';
import { serverSecrets } from '../node/secret-names.ts';
import { lastVersion } from '../node/secret-versions.ts';
import { type ServingPurpose, sslPrefix } from '../node/ssl.ts';
import type { CertificateIssue } from './certificate-issue.ts';

/** The common name of a node's certificate; names and addresses that count are its SANs. */
export const commonNameOf = (node: string): string => fileNameOf(node).slice(0, 64);

/** How long certificates of nodes live where nobody says otherwise. */
export const LIFE = '365d';

/** Names and addresses that can stand in a certificate, each once, in a stable order. DNS names know no case. */
export const distinctNames = (names: readonly string[]): string[] =>
  [...new Set(names.map((name) => name.toLowerCase()))]
    .filter((name) => isIp(name) || isHostName(name.replace(/^\*\./, '')))
    .sort();

const secretFile = (path: string, secret: string, what: string): WantedFile => ({
  ...{ path, content: { $secret: secret }, source: secret, digest: null, mode: 0o640 },
  what: `${what} (${secret})`,
});

/**
 * The files with the certificate of a node's port, as they shall stand there: PKCS#12, or PEM. Elasticsearch reads the key before the certificate, so they are placed in
 * this order: it finds two that do not belong together only if it reads both between two renames, or one before and one after; and it reads them again then, since the
 * second changed after it looked.
 */
export const serverFiles = ({ node, path, p12Secret, key }: CertificateIssue): WantedFile[] =>
  key === undefined
    ? [secretFile(path, p12Secret, `PKCS#12 with the certificate of ${node}`)]
    : [
        secretFile(key.path, key.secret, `private key of ${node}`),
        secretFile(path, p12Secret, `certificate of ${node} with its chain`),
      ];

/** Keystore entries with the password of a PKCS#12 file; of its key too, where the node has one for the file before, since Elasticsearch would try that. */
export const passwordEntries = (
  { agent }: NodeObservation,
  { purpose, passwordSecret }: Pick<CertificateIssue, 'purpose' | 'passwordSecret'>,
): Readonly<Record<string, string>> => {
  const prefix = `${sslPrefix[purpose]}.keystore`;
  const entries = agent.state === 'online' ? (agent.facts.keystore.entries ?? []) : [];
  const ofKey = `${prefix}.secure_key_password`;
  const names = [`${prefix}.secure_password`, ...(entries.some(({ name }) => name === ofKey) ? [ofKey] : [])];
  return Object.fromEntries(names.map((name) => [name, passwordSecret]));
};

/** Where a new certificate's files are kept: each is a version of its own. */
export const newFileSecrets = (
  id: NodeId & { readonly purpose: ServingPurpose },
  pem: { readonly key: string; readonly passphraseSecret: string | null } | null,
  versions: Readonly<Record<string, number>>,
): Pick<CertificateIssue, 'p12Secret' | 'key'> => {
  const { p12, certificate, key } = serverSecrets(id);
  if (pem === null) return { p12Secret: `secret:${p12}@${lastVersion(versions, p12) + 1}` };
  const version = Math.max(lastVersion(versions, certificate), lastVersion(versions, key)) + 1;
  const { key: path, passphraseSecret } = pem;
  return {
    p12Secret: `secret:${certificate}@${version}`,
    key: { path, secret: `secret:${key}@${version}`, passphraseSecret },
  };
};
