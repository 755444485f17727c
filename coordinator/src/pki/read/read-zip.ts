import { buffer } from 'node:stream/consumers';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';

/** Names that are looked at. `elasticsearch-certutil` writes two or three for each of its instances. */
const MOST_ENTRIES = 5000;
/** Far more than a certificate with its chain, a key or a PKCS#12 file has. */
const LARGEST_BYTES = 256 * 1024;

/** `PK\x03\x04`: the header of the first file. */
export const isZip = (file: Uint8Array): boolean =>
  Buffer.from(file).subarray(0, 4).toString('latin1') === 'PK\x03\x04';

const refuse = (source: string, why: string): never => {
  throw new RemoraError('bad-input', `${source} ${why}.`);
};

const contentOf = async (zip: ZipFile, entry: Entry, source: string): Promise<Buffer> => {
  if (entry.isEncrypted()) return refuse(source, `is a zip file with a password, at ${entry.fileName}`);
  // The library ends with an error when more comes out than the entry says.
  if (entry.uncompressedSize > LARGEST_BYTES)
    return refuse(source, `holds ${entry.fileName} of ${entry.uncompressedSize} bytes: no certificate is so large`);
  return buffer(await zip.openReadStreamPromise(entry));
};

/**
 * The files of a zip file that are wanted, by their path in it; others are not unpacked. Sizes are bounded. `source` begins the sentence of an error
 * (`bad-input`).
 */
export const readZip = async (
  file: Uint8Array,
  isWanted: (path: string) => boolean,
  source: string,
): Promise<ReadonlyMap<string, Buffer>> => {
  const found = new Map<string, Buffer>();
  try {
    const zip = await fromBufferPromise(Buffer.from(file), { lazyEntries: true });
    if (zip.entryCount > MOST_ENTRIES) return refuse(source, `is a zip file with ${zip.entryCount} files`);
    for await (const entry of zip.eachEntry()) {
      if (!isWanted(entry.fileName)) continue;
      if (found.has(entry.fileName)) return refuse(source, `is a zip file with two files ${entry.fileName}`);
      found.set(entry.fileName, await contentOf(zip, entry, source));
    }
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    return refuse(source, `is no zip file that can be read: ${messageOf(error)}`);
  }
  return found;
};
