import { RemoraError } from '@remora/shared/errors.ts';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseInstances } from '../../../../coordinator/src/cli/instances.ts';
import { createCa } from '../../../../coordinator/src/pki/ca.ts';
import { describeCertificate, parsePemBundle } from '../../../../coordinator/src/pki/describe.ts';
import { parseSubtree } from '../../../../coordinator/src/pki/names/name-constraints.ts';
import { toPkcs12 } from '../../../../coordinator/src/pki/pkcs12/pkcs12.ts';
import { readCa } from '../../../../coordinator/src/pki/read/read-ca.ts';
import { zipOf } from '../../../support/zip-file.ts';
import { openssl } from './outside-tools.ts';

/** Real files with some bytes changed: each is read, or refused with a sentence. A failure shows its seed, which fast-check takes as `seed`. */
const now = new Date();
const seed = Number(process.env.FUZZ_SEED ?? 20_261_129); // the same files each time; another seed tries others
console.info(`hostile files: FUZZ_SEED=${seed}`);
/** Ends a property early rather than late: how many files are read in that time is all that differs. */
const bounded = (numRuns: number) => ({ seed, numRuns, interruptAfterTimeLimit: 3000, endOnFailure: true });

let pem: Buffer;
let encrypted: Buffer;
let der: Buffer;
let p12: Buffer;
let zip: Buffer;
const yaml = Buffer.from(`
instances:
  - name: "node1"
    dns: [ "node1.example.com", localhost ]
    ip: &ip [ 192.0.2.1 ]
    cn: [ "node1.node.a.cluster.b.account" ]
  - { name: node2, filename: n2, ip: *ip }
`);

beforeAll(async () => {
  const permitted = [parseSubtree('DNS:example.com', '-'), parseSubtree('IP:10.0.0.0/8', '-')];
  const nameConstraints = { permitted, excluded: [] };
  const ca = await createCa({ commonName: 'ca', validityDays: 30, keyBits: 2048, now, nameConstraints });
  pem = Buffer.from(ca.certificatePem + ca.privateKeyPem);
  der = Buffer.from(ca.certificatePem.replace(/-----[^-]+-----/g, ''), 'base64');
  encrypted = Buffer.from(openssl(['pkcs8', '-topk8', '-passout', 'pass:abcd'], ca.privateKeyPem));
  p12 = toPkcs12({ ...ca, chainPem: [], password: 'abcd', friendlyName: 'ca' });
  zip = zipOf({ 'ca/ca.crt': ca.certificatePem, 'ca/ca.key': ca.privateKeyPem });
});

type Change = (file: Buffer) => Buffer;

const set: fc.Arbitrary<Change> = fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => (file) => {
  const changed = Buffer.from(file);
  if (changed.length > 0) changed[at % changed.length] = byte;
  return changed;
});
const cut: fc.Arbitrary<Change> = fc.nat().map((at) => (file) => file.subarray(0, at % (file.length + 1)));
const without: fc.Arbitrary<Change> = fc.tuple(fc.nat(), fc.nat(64)).map(([at, count]) => (file) => {
  const from = at % (file.length + 1);
  return Buffer.concat([file.subarray(0, from), file.subarray(from + count)]);
});
const more: fc.Arbitrary<Change> = fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 64 })).map(([at, bytes]) => (file) => {
  const from = at % (file.length + 1);
  return Buffer.concat([file.subarray(0, from), bytes, file.subarray(from)]);
});
const twice: fc.Arbitrary<Change> = fc.nat().map((at) => (file) => {
  const part = file.subarray(at % (file.length + 1));
  return Buffer.concat([file, part]);
});
const changes = fc.array(fc.oneof(set, set, set, cut, without, more, twice), { minLength: 1, maxLength: 6 });

const changed = (file: Buffer, by: readonly Change[]): Buffer => by.reduce((left, change) => change(left), file);

/** Whatever else comes out is a bug: what is wrong with a file is said as `bad-input`. */
const readOrRefused = async (read: () => unknown): Promise<void> => {
  try {
    await read();
  } catch (error) {
    expect(error).toBeInstanceOf(RemoraError);
    expect((error as RemoraError).code).toBe('bad-input');
    expect((error as RemoraError).message.length).toBeLessThan(2000);
  }
};

const tested = (file: () => Buffer, read: (hostile: Buffer) => unknown, numRuns = 400): Promise<void> =>
  fc.assert(
    fc.asyncProperty(changes, (by) => readOrRefused(() => read(changed(file(), by)))),
    bounded(numRuns),
  );

const caFrom = (certificate: Buffer, key: Buffer | null, passphrase: string | null) =>
  readCa({ certificate, key, passphrase }, now);

describe('hostile files', () => {
  const before = process.memoryUsage().rss;

  test('PEM with certificate and key', () =>
    tested(
      () => pem,
      (file) => caFrom(file, null, null),
    ));
  test('an encrypted key', () =>
    tested(
      () => encrypted,
      (file) => caFrom(pem, file, 'abcd'),
      150,
    ));
  test('a certificate in DER', () =>
    tested(
      () => der,
      (file) => caFrom(file, null, null),
    ));
  test('a certificate that is described', () =>
    tested(
      () => der,
      (file) => describeCertificate(file),
    ));
  test('a bundle', () =>
    tested(
      () => pem,
      (file) => parsePemBundle(file.toString('utf8')),
    ));
  test(
    'PKCS#12',
    () =>
      tested(
        () => p12,
        (file) => caFrom(file, null, 'abcd'),
        40,
      ),
    60_000,
  );
  test('zip', () =>
    tested(
      () => zip,
      (file) => caFrom(file, null, null),
      250,
    ));
  test('instances.yaml', () =>
    tested(
      () => yaml,
      (file) => parseInstances(file.toString('utf8'), 'a file'),
    ));

  test('deep nesting is refused, not run into the ground', async () => {
    const nested = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0x30, 0x80])));
    await readOrRefused(() => caFrom(nested, null, null));
    await readOrRefused(() => caFrom(pem, nested, 'abcd'));
    const brackets = `instances: ${'['.repeat(50_000)}`;
    expect(() => parseInstances(brackets, 'a file')).toThrow(RemoraError);
    const laughs = ['a: &a0 [x, x]'];
    for (let level = 1; level < 40; level += 1) laughs.push(`b${level}: &a${level} [*a${level - 1}, *a${level - 1}]`);
    expect(() => parseInstances(`${laughs.join('\n')}\ninstances: *a39`, 'a file')).toThrow(RemoraError);
  });

  test('and takes no more memory than a few such files have', () => {
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024);
  });
});
