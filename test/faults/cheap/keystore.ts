import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The keystore of a cheap node, as `elasticsearch-keystore` beside this file keeps it. */
export type Entries = Readonly<Record<string, string>>;

/** Lucene's codec header, version 5, and one byte that says that there is no password. */
const header = (): Buffer => {
  const codec = 'elasticsearch.keystore';
  const bytes = Buffer.alloc(4 + 1 + codec.length + 4 + 1);
  bytes.writeUInt32BE(0x3fd76c17);
  bytes.writeUInt8(codec.length, 4);
  bytes.write(codec, 5);
  bytes.writeUInt32BE(5, 5 + codec.length);
  return bytes;
};
const HEADER_BYTES = header().length;

const pathIn = (configDir: string): string => join(configDir, 'elasticsearch.keystore');

export const createKeystore = (configDir: string, entries: Entries): void => {
  const lines = Object.entries(entries).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(pathIn(configDir), Buffer.concat([header(), Buffer.from(lines.join(''))]));
};

export const readKeystore = (configDir: string): Entries =>
  Object.fromEntries(
    readFileSync(pathIn(configDir))
      .subarray(HEADER_BYTES)
      .toString()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
