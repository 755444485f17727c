import { type AnyConnectionRecord, casOf, isForeign } from '../connection/connection-records.ts';
import type { WantedFile } from '../node/node-change.ts';
import { files } from '../node/placed-files.ts';
import type { CaRecord } from '../records.ts';
import { caCertificateSecret, withComing } from './ca-names.ts';

/**
 * The CAs that these connections need, with those that are taking the place of one: only where the remote cluster is managed is that known. A CA that was filed and never
 * came to be made is left out: its own run adds it.
 */
export const neededCas = (cas: readonly CaRecord[], connections: readonly AnyConnectionRecord[]): string[] => {
  const made = (record: AnyConnectionRecord): string[] =>
    casOf(record).filter((name) => cas.some((known) => known.name === name));
  const names = connections.flatMap((record) => (isForeign(record) ? made(record) : withComing(cas, made(record))));
  return [...new Set(names)].sort();
};

/** The bundle with the certificates of these CAs, of which some may not be made yet; at another path, of CAs that are trusted for something else. */
export const caBundleFile = (
  names: readonly string[],
  cas: readonly CaRecord[],
  hash: (text: string) => string,
  path: string = files.caBundle,
): WantedFile => {
  const records = names.map((name) => cas.find((ca) => ca.name === name));
  return {
    path,
    content: { $secret: names.map((name, i) => records[i]?.certificate ?? caCertificateSecret(name)) },
    source: `CA ${names.join(', ')}`,
    certificates: records.map((record) => record?.facts.fingerprint256 ?? 'not made yet'),
    holds: names.map((name, i) => records[i]?.facts ?? `the certificate of CA ${name}, once it is made`),
    digest: records.includes(undefined) ? null : hash(records.map((one) => one?.certificatePem).join('')),
    mode: 0o644,
    what: `CA certificate of ${names.join(', ')}`,
  };
};
