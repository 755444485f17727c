import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readIfPresent, readPrivateIfPresent, syncDirectory, writeDurably } from '../../secrets/durable-file.ts';

export interface FleetCaPaths {
  readonly certificate: string;
  readonly key: string;
}

/** Where the fleet CA lies in a data directory, and the one that takes its place. */
export const pathsIn = (directory: string): { readonly current: FleetCaPaths; readonly next: FleetCaPaths } => ({
  current: { certificate: join(directory, 'fleet-ca.crt'), key: join(directory, 'fleet-ca.key') },
  next: { certificate: join(directory, 'fleet-ca-next.crt'), key: join(directory, 'fleet-ca-next.key') },
});

const BLOCKS = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The first certificate of a PEM text as it stands there; the text itself where there is none. */
export const firstCertificate = (text: string): string => {
  const found = text.match(BLOCKS)?.[0];
  return found === undefined ? text : `${found}\n`;
};

/** Writes the certificates that people and agents are to trust to `fleet-ca.crt`, the one whose key is `fleet-ca.key` first. Throws `data-directory`. */
export const writeTrusted = async (directory: string, certificatesPem: readonly string[]): Promise<void> => {
  const { certificate } = pathsIn(directory).current;
  const wanted = certificatesPem.map((pem) => pem.trim());
  const found = ((await readIfPresent(certificate)) ?? '').match(BLOCKS) ?? [];
  if (found.join() !== wanted.join()) await writeDurably(certificate, `${wanted.join('\n')}\n`, 0o644);
};

/**
 * The next CA becomes the fleet CA: key first, then certificate, while its own files stay. A crash in between leaves the key of the one and the certificate of
 * the other, which `finishReplacement` finds at the next start. Throws `data-directory`.
 */
export const replaceFleetCa = async (directory: string): Promise<void> => {
  const { current, next } = pathsIn(directory);
  const key = await readPrivateIfPresent(next.key);
  if (key === null) return;
  await writeDurably(current.key, key, 0o600);
  await finishReplacement(directory);
};

/** Puts the certificate of the next CA in place where its key was already. */
export const finishReplacement = async (directory: string): Promise<void> => {
  const { current, next } = pathsIn(directory);
  const [key, nextKey] = [await readIfPresent(current.key), await readIfPresent(next.key)];
  const certificate = await readIfPresent(next.certificate);
  if (nextKey !== null && key === nextKey && certificate !== null) await writeTrusted(directory, [certificate]);
};

/** Durably; what is not there is fine. The key goes first: a certificate without one is of no use to anybody. */
export const removeNextFleetCa = async (directory: string): Promise<void> => {
  const { next } = pathsIn(directory);
  await rm(next.key, { force: true });
  await rm(next.certificate, { force: true });
  await syncDirectory(dirname(next.key));
};
