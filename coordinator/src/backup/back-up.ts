import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { systemClock } from '../clock.ts';
import type { CoordinatorConfig } from '../config.ts';
import { rotationRecords } from '../fleet/rotation-record.ts';
import { describeCertificate } from '../pki/describe.ts';
import { readIfPresent, readPrivateIfPresent } from '../secrets/durable-file.ts';
import { openSealingKey } from '../secrets/sealing.ts';
import { refuseOtherFile } from '../store/bound-files.ts';
import { keys } from '../store/keys.ts';
import { SCHEMA_VERSION } from '../store/open-store.ts';
import { refuseReplacedStore } from '../store/store-identity.ts';
import { VERSION } from '../version.ts';
import { writeBackup } from './container.ts';
import { openPlace } from './place.ts';
import { type CopiedKey, copyStore } from './store-copy.ts';

/** What a coordinator keeps in files and cannot make anew: file name -> text. */
export interface BackedUpFiles {
  readonly 'fleet-ca.crt': string;
  readonly 'fleet-ca.key': string;
  readonly 'admin.token': string;
  readonly 'sealing.key': string;
  /** The CA that is taking the place of the fleet CA, while it is being rotated. */
  readonly 'fleet-ca-next.crt'?: string;
  readonly 'fleet-ca-next.key'?: string;
}

export interface BackupSummary {
  readonly file: string;
  readonly bytes: number;
  readonly createdAt: string;
  readonly storeId: string;
  /** In the store. */
  readonly keys: number;
  readonly runs: number;
}

/** No shorter ones: the file is worth as much as every key in it. */
const SHORTEST_PASSPHRASE = 12;

const checkPassphrase = (passphrase: string): string => {
  if (passphrase.length >= SHORTEST_PASSPHRASE) return passphrase;
  throw new RemoraError(
    'bad-input',
    `The passphrase is too short: it takes at least ${SHORTEST_PASSPHRASE} characters.`,
    {
      hint: 'The file holds the fleet CA and every secret. `openssl rand -base64 24` makes a good one.',
    },
  );
};

const need = (text: string | null, path: string): string => {
  if (text !== null) return text;
  throw new RemoraError('data-directory', `${path} does not exist: a back-up without it could not be used.`, {
    hint: 'Name the data directory of a coordinator that has been started, and its sealing key where that lies elsewhere.',
  });
};

const readFiles = async ({ dataDir, sealingKeyFile }: CoordinatorConfig): Promise<BackedUpFiles> => {
  const path = (name: string): string => join(dataDir, name);
  const next = {
    certificate: await readIfPresent(path('fleet-ca-next.crt')),
    key: await readPrivateIfPresent(path('fleet-ca-next.key')),
  };
  return {
    ...(next.certificate === null ? {} : { 'fleet-ca-next.crt': next.certificate }),
    ...(next.key === null ? {} : { 'fleet-ca-next.key': next.key }),
    'fleet-ca.crt': need(await readIfPresent(path('fleet-ca.crt')), path('fleet-ca.crt')),
    'fleet-ca.key': need(await readPrivateIfPresent(path('fleet-ca.key')), path('fleet-ca.key')),
    'admin.token': need(await readIfPresent(path('admin.token')), path('admin.token')),
    'sealing.key': need(await readPrivateIfPresent(sealingKeyFile), sealingKeyFile),
  };
};

/** A back-up of files and a store that do not belong together looks good until it is needed. */
const refuseForeignStore = async (
  redis: Redis,
  { dataDir, sealingKeyFile }: CoordinatorConfig,
  files: BackedUpFiles,
): Promise<void> => {
  await refuseReplacedStore(dataDir, await redis.hget(keys.meta, 'storeId'));
  const fleetCa = describeCertificate(files['fleet-ca.crt']).fingerprint256;
  const rotation = (await rotationRecords(redis, systemClock).find())?.record;
  const file = { name: 'fleetCaFingerprint', value: fleetCa, path: join(dataDir, 'fleet-ca.crt') } as const;
  await refuseOtherFile(redis, file, rotation ? [rotation.from.fingerprint256, rotation.to.fingerprint256] : []);
  const { keyId } = await openSealingKey(sealingKeyFile, { create: false });
  await refuseOtherFile(redis, { name: 'sealingKeyId', value: keyId, path: sealingKeyFile });
};

const readStore = async (
  config: CoordinatorConfig,
  files: BackedUpFiles,
): Promise<{ copied: CopiedKey[]; storeId: string; createdAt: string }> => {
  const place = await openPlace(config);
  try {
    // Before the copy: what is written after this moment is, as far as anybody can tell later, not in it.
    const createdAt = new Date().toISOString();
    const [storeId, version, restoring] = await place.redis.hmget(keys.meta, 'storeId', 'schemaVersion', 'restoring');
    if (restoring) {
      throw new RemoraError('data-directory', 'A back-up is being restored into this store, or that did not end.', {
        hint: 'Wait for it; docs/disasters.md says what to do when it was cut off.',
      });
    }
    await refuseForeignStore(place.redis, config, files);
    if (!storeId) {
      throw new RemoraError('data-directory', 'The store holds nothing of Remora.', {
        hint: 'Name the data directory, and with a shared Redis the --redis-url, of a coordinator that has been started.',
      });
    }
    if (Number(version) > SCHEMA_VERSION) {
      throw new RemoraError(
        'data-directory',
        `The store was written by a newer release of Remora (layout ${version}): back it up with that one.`,
      );
    }
    return { copied: await copyStore(place.redis), storeId, createdAt };
  } finally {
    await place.close();
  }
};

/** As often as the phases of a rotation of the fleet CA follow each other. */
const MOST_READS = 10;

/** Files and store of one moment: a rotation of the fleet CA changes both, and what is read while it does so is read again. */
const readBoth = async (config: CoordinatorConfig) => {
  for (let reads = 1; ; reads += 1) {
    const files = await readFiles(config);
    const store = await readStore(config, files);
    if (reads >= MOST_READS || isDeepStrictEqual(files, await readFiles(config))) return { ...store, files };
  }
};

async function* linesOf(files: BackedUpFiles, copied: readonly CopiedKey[]): AsyncGenerator<string> {
  yield `${JSON.stringify({ files })}\n`;
  for (const one of copied) yield `${JSON.stringify(one)}\n`;
}

/**
 * Writes everything that a new machine needs to go on: the store at one moment, the fleet CA, the sealing key and the admin token. The coordinator may run
 * meanwhile, or not. Throws `store-replaced` for a store that was wiped or is another coordinator's, `data-directory` for files that are not the store's.
 */
export const backUp = async (config: CoordinatorConfig, file: string, passphrase: string): Promise<BackupSummary> => {
  checkPassphrase(passphrase);
  const { files, copied, storeId, createdAt } = await readBoth(config);
  const about = { version: VERSION, schemaVersion: SCHEMA_VERSION, createdAt, storeId };
  await writeBackup(file, passphrase, about, linesOf(files, copied));
  const runs = copied.filter(
    ({ key }) => key.startsWith(keys.run('')) && !key.slice(keys.run('').length).includes(':'),
  ).length;
  return { file, bytes: (await stat(file)).size, createdAt, storeId, keys: copied.length, runs };
};
