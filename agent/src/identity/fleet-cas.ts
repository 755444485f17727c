import { createVerify, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import type { Trust } from '@remora/shared/protocol/session.ts';
import { parseVouchers, voucherText } from '@remora/shared/protocol/vouchers.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Log } from '../log.ts';
import { digestOf, writePrivate } from '../system/durable-file.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in their order. Throws for a block that is none. */
export const parseCas = (text: string): X509Certificate[] =>
  (text.match(BLOCK) ?? []).map((pem) => new X509Certificate(pem));

/** SHA-256 of the DER, lower-case hex, as join tokens and messages carry it. */
export const fingerprintOf = (ca: X509Certificate): string => digestOf(ca.raw);

export const formatCas = (cas: readonly X509Certificate[]): string => cas.map((ca) => ca.toString()).join('');

/** The fleet CAs that the agent trusts: one, or two while a new one takes the place of the other. Throws what reading them throws. */
export const readFleetCas = async ({ fleetCa }: Pick<DataDirectory, 'fleetCa'>): Promise<X509Certificate[]> =>
  parseCas(await readFile(fleetCa, 'utf8'));

/** The fingerprints of those who may be trusted by who trusts these: they themselves, and those that one of them vouches for in the text. */
const provenBy = (known: readonly X509Certificate[], text: string): ReadonlySet<string> => {
  const byFingerprint = new Map(known.map((ca) => [fingerprintOf(ca), ca]));
  const vouched = parseVouchers(text).flatMap(({ by, of, signature }) => {
    const ca = byFingerprint.get(by);
    return ca && isSignedBy(ca, voucherText(by, of), signature) ? [of] : [];
  });
  return new Set([...byFingerprint.keys(), ...vouched]);
};

/** Of the CAs in a text those that count for who knows the fingerprint of one: that one, and those that it vouches for. None where it is not among them. */
export const vouchedCas = (text: string, fingerprint: string): X509Certificate[] => {
  const cas = parseCas(text);
  const known = cas.find((ca) => fingerprintOf(ca) === fingerprint);
  if (!known) return [];
  const proven = provenBy([known], text);
  return [known, ...cas.filter((ca) => ca !== known && proven.has(fingerprintOf(ca)))];
};

const isSignedBy = (ca: X509Certificate, text: string, signature: string): boolean =>
  createVerify('sha256').update(text).verify(ca.publicKey, signature, 'base64');

/** Why a set of CAs that came is not taken; null when it is. Without one that is trusted now, whoever sent it would be believed by nobody after the next dial. */
const trouble = (wanted: readonly X509Certificate[], now: readonly X509Certificate[], vouchers: string) => {
  const none = wanted.find((ca) => !ca.ca);
  if (none) return `${none.subject} is not a CA`;
  const known = new Set(now.map(fingerprintOf));
  if (!wanted.some((ca) => known.has(fingerprintOf(ca)))) return 'none of them is one that is trusted now';
  const proven = provenBy(now, vouchers);
  const stranger = wanted.find((ca) => !proven.has(fingerprintOf(ca)));
  return stranger ? `no CA that is trusted now vouches for ${stranger.subject}` : null;
};

/** Those of a set of CAs that came which are to be trusted by who trusts `now`: all that have not ended, or none and the reason. */
export const admit = (
  came: readonly X509Certificate[],
  now: readonly X509Certificate[],
  vouchers: string,
): { readonly cas: readonly X509Certificate[] } | { readonly why: string } => {
  const cas = came.filter((ca) => ca.validToDate.getTime() > Date.now());
  const why = came.length > 0 && cas.length === 0 ? 'all of them have ended' : trouble(cas, now, vouchers);
  return why === null ? { cas } : { why };
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
export const takeTrust = async (parts: TrustParts, { certificatesPem, vouchers }: Trust): Promise<void> => {
  const { directory, log, send } = parts;
  const now = await readFleetCas(directory);
  const came = certificatesPem.map((pem) => new X509Certificate(pem));
  const admitted = admit(came, now, vouchers);
  if ('why' in admitted) return log('error', `the fleet CAs that the coordinator sent are not taken: ${admitted.why}`);
  const fingerprints = admitted.cas.map(fingerprintOf);
  if (now.map(fingerprintOf).join() !== fingerprints.join()) {
    await writePrivate(directory.fleetCa, formatCas(admitted.cas));
    log('info', 'other fleet CAs are trusted from now on', { fingerprints });
  }
  send({ type: 'trusted', fingerprints });
};
