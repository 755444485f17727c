import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCa } from '../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../coordinator/src/pki/describe.ts';
import { issueCertificate } from '../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { createSealer } from '../../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../../coordinator/src/secrets/secret-store.ts';
import { signingRequestService } from '../../../coordinator/src/services/certificates/signing-requests.ts';
import { secretService } from '../../../coordinator/src/services/secrets.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { openssl, scratch } from '../../unit/coordinator/pki/outside-tools.ts';

/** Certificates that were made elsewhere, as they are kept with their keys. */
const now = new Date();
/** Certificates of openssl begin when they are made. */
const later = new Date(now.getTime() + 3_600_000);
let server: TestRedis;
let ca: CertificateAuthority;
let keys: KeyPair;

beforeAll(async () => {
  server = await startRedis();
  ca = await createCa({ commonName: 'corp', validityDays: 30, keyBits: 2048, now });
  keys = await generateRsaKeyPair(2048);
});
afterAll(() => server.stop());

const open = () => {
  const redis = server.connect();
  const [inventory, secrets] = [openInventory(redis), new SecretStore(redis, createSealer(Buffer.alloc(32, 1)))];
  return { redis, inventory, secrets, requests: signingRequestService({ inventory, secrets, clock: () => later }) };
};

beforeEach(async () => {
  const { redis, inventory } = open();
  await redis.flushall();
  await inventory.cas.put('corporate', {
    ...{ name: 'corporate', certificatePem: ca.certificatePem, certificate: 'secret:ca/corporate/certificate@1' },
    ...{ key: null, facts: describeCertificate(ca.certificatePem) },
  });
});

const issue = (by: CertificateAuthority): string =>
  issueCertificate({
    ...{ ca: by, publicKeyPem: keys.publicKeyPem, subject: { commonName: 'us-1' }, usage: ['server', 'client'], now },
    ...{ sans: { dns: ['us-1'], ip: [] }, validityMs: 86_400_000 },
  }).certificatePem;

const files = (...pems: readonly string[]) => ({
  ...{ ca: 'corporate', purpose: 'http' as const },
  certificates: [
    {
      ...{ name: 'us-1', certificate: Buffer.from(pems.join('\n')), key: Buffer.from(keys.privateKeyPem) },
      passphrase: null,
    },
  ],
});

describe('certificates that were made elsewhere', () => {
  test('are kept with their keys once, and not at all where they are only checked', async () => {
    const { requests, secrets } = open();
    const given = files(issue(ca));
    expect(await requests.give({ ...given, check: true }, 'anna')).toEqual([]);
    expect([await requests.list(), await secrets.list()]).toEqual([[], []]);
    await expect(requests.give({ ...files(ca.certificatePem), check: true }, 'anna')).rejects.toThrow(
      /The key for us-1/,
    );
    const [kept] = await requests.give(given, 'anna');
    expect(await requests.give(given, 'anna')).toEqual([kept]);
    expect(await secrets.list()).toMatchObject([{ name: `signing-request/${kept?.id}/key`, versions: [1] }]);
  });

  test('with another chain are others', async () => {
    const directory = scratch();
    const at = (name: string): string => join(directory, name);
    const own = await generateRsaKeyPair(2048);
    await writeFile(at('root.crt'), ca.certificatePem);
    await writeFile(at('root.key'), ca.privateKeyPem);
    await writeFile(at('own.key'), own.privateKeyPem);
    await writeFile(at('extensions'), 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n');
    openssl(['req', '-new', '-key', at('own.key'), '-subj', '/CN=issuing', '-out', at('own.csr')]);
    const certify = (serial: string): string =>
      openssl([
        ...['x509', '-req', '-in', at('own.csr'), '-CA', at('root.crt'), '-CAkey', at('root.key'), '-days', '9'],
        ...['-set_serial', serial, '-extfile', at('extensions')],
      ]);
    const [first, second] = [certify('11'), certify('12')];
    const leaf = issue({ certificatePem: first, privateKeyPem: own.privateKeyPem });
    const { requests } = open();
    const [one] = await requests.give(files(leaf, first), 'anna');
    const [other] = await requests.give(files(leaf, second), 'anna');
    expect(other?.certificate).toEqual(one?.certificate);
    expect(other?.id).not.toBe(one?.id);
  });

  test('leave no key behind where they cannot be filed', async () => {
    const { requests, secrets, redis } = open();
    const given = files(issue(ca));
    await redis.acl('SETUSER', 'default', '-hsetnx');
    try {
      await expect(requests.give(given, 'anna')).rejects.toThrow();
    } finally {
      await redis.acl('SETUSER', 'default', '+hsetnx');
    }
    expect([await requests.list(), await secrets.list()]).toEqual([[], []]);
    const [kept] = await requests.give(given, 'anna');
    expect(await requests.files(kept?.id ?? '', { format: 'pem' })).toBeDefined();
  });

  test('are forgotten with their keys, also where an earlier call got no further than the record', async () => {
    const { requests, secrets, inventory } = open();
    const [kept] = await requests.give(files(issue(ca)), 'anna');
    const id = kept?.id ?? '';
    await inventory.signingRequests.remove(id);
    await requests.remove(id, 'anna');
    expect(await secrets.list()).toEqual([]);
    await expect(requests.remove(id, 'anna')).rejects.toThrow(/There is no signing request/);
  });
});

test('the passphrase of a key that stands on a node can be set anew, and not be removed', async () => {
  const { secrets, inventory } = open();
  const service = secretService({ store: secrets, inventory });
  const passphrase = 'key-passphrase/us';
  await service.set(passphrase, 'one', 'anna');
  const record = {
    ...{ cluster: 'us', node: 'us-1', purpose: 'http' as const, ca: 'corporate', path: 'http.crt', names: ['us-1'] },
    ...{ p12Secret: 'secret:c@1', passwordSecret: 'secret:p@1', facts: describeCertificate(issue(ca)) },
    key: { path: 'http.key', secret: 'secret:k@1', passphraseSecret: `secret:${passphrase}@1` },
  };
  await inventory.certificates.put('us/us-1/http', record);
  await service.set(passphrase, 'two', 'anna');
  await expect(service.remove(passphrase, 'anna')).rejects.toThrow(/is still used by the certificate of us-1\.$/);
  await inventory.certificates.remove('us/us-1/http');
  await service.remove(passphrase, 'anna');
  expect(await service.list()).toEqual([]);
});
