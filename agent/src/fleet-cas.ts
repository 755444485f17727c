import { createHash, createVerify, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import type { Trust } from '@remora/shared/protocol/session.ts';
import { parseVouchers, voucherText } from '@remora/shared/protocol/vouchers.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Log } from './log.ts';
import { writePrivate } from './system/durable-file.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in their order. Throws for a block that is none. */
export const parseCas = (text: string): X509Certificate[] =>
  (text.match(BLOCK) ?? []).map((pem) => new X509Certificate(pem));

/** SHA-256 of the DER, lower-case hex, as join tokens and messages carry it. */
export const fingerprintOf = (ca: X509Certificate): string => createHash('sha256').update(ca.raw).digest('hex');

export const formatCas = (cas: readonly X509Certificate[]): string => cas.map((ca) => ca.toString()).join('');

/** The fleet CAs that the agent trusts: one, or two while a new one takes the place of the other. Throws what reading them throws. */
export const readFleetCas = async ({ fleetCa }: Pick<DataDirectory, 'fleetCa'>): Promise<X509Certificate[]> =>
  parseCas(await readFile(fleetCa, 'utf8'));

/** Of the CAs in a text those that count for who knows the fingerprint of one: that one, and those that it vouches for. None where it is not among them. */
export const vouchedCas = (text: string, fingerprint: string): X509Certificate[] => {
  const cas = parseCas(text);
  const known = cas.find((ca) => fingerprintOf(ca) === fingerprint);
  if (!known) return [];
  const vouched = new Set(
    parseVouchers(text).flatMap(({ by, of, signature }) =>
      by === fingerprint && isSignedBy(known, voucherText(by, of), signature) ? [of] : [],
    ),
  );
  return [known, ...cas.filter((ca) => ca !== known && vouched.has(fingerprintOf(ca)))];
};

const isSignedBy = (ca: X509Certificate, text: string, signature: string): boolean =>
  createVerify('sha256').update(text).verify(ca.publicKey, signature, 'base64');

/** Why a set of CAs that came is not taken; null when it is. Without one that is trusted now, whoever sent it would be believed by nobody after the next dial. */
const trouble = (wanted: readonly X509Certificate[], now: readonly X509Certificate[]): string | null => {
  const none = wanted.find((ca) => !ca.ca);
  if (none) return `${none.subject} is not a CA`;
  const ended = wanted.find((ca) => ca.validToDate.getTime() <= Date.now());
  if (ended) return `${ended.subject} ended at ${ended.validToDate.toISOString()}`;
  const known = new Set(now.map(fingerprintOf));
  return wanted.some((ca) => known.has(fingerprintOf(ca))) ? null : 'none of them is one that is trusted now';
};

export interface TrustParts {
  readonly directory: Pick<DataDirectory, 'fleetCa'>;
  readonly log: Log;
  /** False when there is no session. */
  send(message: FromAgent): boolean;
}

/**
 * Trusts other fleet CAs from now on, and answers once that is on the disk: after that answer the coordinator may show a certificate of any of them. What is
 * not taken is not answered. Throws what reading and writing throw.
 */
export const takeTrust = async ({ directory, log, send }: TrustParts, { certificatesPem }: Trust): Promise<void> => {
  const wanted = certificatesPem.map((pem) => new X509Certificate(pem));
  const now = await readFleetCas(directory);
  const why = trouble(wanted, now);
  if (why !== null) return log('error', `the fleet CAs that the coordinator sent are not taken: ${why}`);
  const fingerprints = wanted.map(fingerprintOf);
  if (now.map(fingerprintOf).join() !== fingerprints.join()) {
    await writePrivate(directory.fleetCa, formatCas(wanted));
    log('info', 'other fleet CAs are trusted from now on', { fingerprints });
  }
  send({ type: 'trusted', fingerprints });
};
