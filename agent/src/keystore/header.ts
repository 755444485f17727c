import { open } from 'node:fs/promises';

/** Lucene's CodecUtil header: magic, codec name with a one-byte length, version; Elasticsearch's KeyStoreWrapper then writes one byte: 1 means protected. */
const MAGIC = 0x3fd76c17;
export const CODEC = 'elasticsearch.keystore';
/** Where that byte stands. */
export const flagAt = 4 + 1 + CODEC.length + 4;

/** Whether a keystore file is protected by a password; null when these bytes are no keystore. */
export const isPasswordProtected = (bytes: Uint8Array): boolean | null => {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length <= flagAt || view.readUInt32BE(0) !== MAGIC) return null;
  if (view.toString('latin1', 5, 5 + CODEC.length) !== CODEC) return null;
  return view[flagAt] === 1;
};

export const readPasswordProtected = async (path: string): Promise<boolean | null> => {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    return isPasswordProtected(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
};
