import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keystoreEntries } from '../../agent/src/keystore/entries.ts';
import { CODEC, isPasswordProtected } from '../../agent/src/keystore/header.ts';

/** Keystore files in the real format, in the version whose key costs least: agent/src/keystore/entries.ts describes and reads it. */
export type Entries = Readonly<Record<string, string>>;

const VERSION = 5;
const MAGIC = 0x3fd76c17;
const [SALT_BYTES, IV_BYTES, KEY_BYTES, ROUNDS, FOOTER_BYTES] = [64, 12, 16, 10_000, 16];

const int = (value: number, littleEndian: boolean): Buffer => {
  const bytes = Buffer.alloc(4);
  if (littleEndian) bytes.writeInt32LE(value);
  else bytes.writeInt32BE(value);
  return bytes;
};
const sized = (bytes: Buffer, littleEndian: boolean): Buffer => Buffer.concat([int(bytes.length, littleEndian), bytes]);

const header = (isProtected: boolean): Buffer =>
  Buffer.concat([
    int(MAGIC, false),
    Buffer.from([CODEC.length]),
    Buffer.from(CODEC),
    int(VERSION, false),
    Buffer.from([isProtected ? 1 : 0]),
  ]);

const plainOf = (entries: Entries): Buffer => {
  const all = Object.entries(entries);
  const parts = all.map(([name, value]) =>
    Buffer.concat([
      Buffer.from([name.length >> 8, name.length & 0xff]),
      Buffer.from(name),
      sized(Buffer.from(value), false),
    ]),
  );
  return Buffer.concat([int(all.length, false), ...parts]);
};

const encode = (entries: Entries, password: string): Buffer => {
  const [salt, iv] = [randomBytes(SALT_BYTES), randomBytes(IV_BYTES)];
  const cipher = createCipheriv('aes-128-gcm', pbkdf2Sync(password, salt, ROUNDS, KEY_BYTES, 'sha512'), iv);
  cipher.setAAD(salt);
  const sealed = Buffer.concat([cipher.update(plainOf(entries)), cipher.final(), cipher.getAuthTag()]);
  const body = Buffer.concat([salt, iv, sealed].map((part) => sized(part, true)));
  return Buffer.concat([header(password !== ''), sized(body, true), Buffer.alloc(FOOTER_BYTES)]);
};

const pathOf = (configDir: string): string => join(configDir, 'elasticsearch.keystore');

/** Writes a keystore, as somebody else would. The bytes are other after every write, as the real ones are. */
export const writeEntries = (configDir: string, entries: Entries, password = ''): void => {
  writeFileSync(`${pathOf(configDir)}.tmp`, encode(entries, password));
  renameSync(`${pathOf(configDir)}.tmp`, pathOf(configDir));
};

/** No entries where there is no keystore. Throws under another password. */
export const readEntries = (configDir: string, password = ''): Entries => {
  if (!existsSync(pathOf(configDir))) return {};
  const entries = keystoreEntries(readFileSync(pathOf(configDir)), password);
  return Object.fromEntries([...entries].map(([name, value]) => [name, value.toString()]));
};

export const isProtected = (configDir: string): boolean =>
  existsSync(pathOf(configDir)) && isPasswordProtected(readFileSync(pathOf(configDir))) === true;
