import { isHostName, isIp } from '@remora/shared/model/address.ts';
import { fileNameOf } from '@remora/shared/model/names.ts';
import type { WantedFile } from './node-change.ts';
import type { CertificateIssue } from './steps.ts';

/** The common name of a node's certificate; names and addresses that count are its SANs. */
export const commonNameOf = (node: string): string => fileNameOf(node).slice(0, 64);

/** How long certificates of nodes live where nobody says otherwise. */
export const LIFE = '365d';

/** Names and addresses that can stand in a certificate, each once, in a stable order. DNS names know no case. */
export const distinctNames = (names: readonly string[]): string[] =>
  [...new Set(names.map((name) => name.toLowerCase()))]
    .filter((name) => isIp(name) || isHostName(name.replace(/^\*\./, '')))
    .sort();

/** The PKCS#12 file with the certificate of a node's port, as it shall stand there. */
export const serverKeystoreFile = ({ node, path, p12Secret }: CertificateIssue): WantedFile => ({
  ...{ path, content: { $secret: p12Secret }, source: p12Secret, digest: null, mode: 0o640 },
  what: `PKCS#12 with the certificate of ${node} (${p12Secret})`,
});
