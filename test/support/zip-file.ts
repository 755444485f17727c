import { crc32, deflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const DEFLATED = 8;

/** What the local and the central header of a file have in common (APPNOTE.TXT, 4.3.7 and 4.3.12), from the version that is needed on. */
const fields = (name: Buffer, content: Buffer, packed: Buffer): Buffer => {
  const head = Buffer.alloc(26);
  head.writeUInt16LE(20, 0);
  head.writeUInt16LE(DEFLATED, 4);
  head.writeUInt32LE(crc32(content), 10);
  head.writeUInt32LE(packed.length, 14);
  head.writeUInt32LE(content.length, 18);
  head.writeUInt16LE(name.length, 22);
  return head;
};

const uint32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32LE(value, index * 4);
  });
  return bytes;
};

/** A zip file of these files, deflated, as `elasticsearch-certutil` and everybody else writes it. */
export const zipOf = (files: Readonly<Record<string, Buffer | string>>): Buffer => {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const [path, given] of Object.entries(files)) {
    const name = Buffer.from(path);
    const content = Buffer.from(given);
    const packed = deflateRawSync(content);
    const head = fields(name, content, packed);
    const local = Buffer.concat([uint32(LOCAL), head, name, packed]);
    const madeBy = Buffer.from([20, 3]);
    centrals.push(Buffer.concat([uint32(CENTRAL), madeBy, head, Buffer.alloc(10), uint32(at), name]));
    locals.push(local);
    at += local.length;
  }
  const central = Buffer.concat(centrals);
  const counts = Buffer.alloc(8);
  counts.writeUInt16LE(centrals.length, 4);
  counts.writeUInt16LE(centrals.length, 6);
  return Buffer.concat([...locals, central, uint32(END), counts, uint32(central.length, at), Buffer.alloc(2)]);
};
