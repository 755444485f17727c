import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CertificateAuthority, createCa } from '../../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../../coordinator/src/pki/describe.ts';
import type { CaRecord } from '../../../../coordinator/src/plan/records.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { importCaStep } from '../../../../coordinator/src/run/steps/certificates/certificates.ts';
import { createSealer } from '../../../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../../../coordinator/src/secrets/secret-store.ts';
import { caService } from '../../../../coordinator/src/services/certificates/cas.ts';
import { openInventory } from '../../../../coordinator/src/store/inventory.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';

const now = new Date('2026-03-01T12:00:00Z');
let server: TestRedis;
let theirs: CertificateAuthority;

beforeAll(async () => {
  server = await startRedis();
  theirs = await createCa({ commonName: 'theirs', validityDays: 30, keyBits: 2048, now });
});
afterAll(() => server.stop());

test('a CA that was removed is filed again, its certificate as another version; one that stands is not', async () => {
  const redis = server.connect();
  const [inventory, secrets] = [openInventory(redis), new SecretStore(redis, createSealer(Buffer.alloc(32, 1)))];
  const context = {
    memory: { intent: null, kept: null },
    remember: async () => undefined,
    checkFence: async () => undefined,
    file: (_: string, name: string, record: CaRecord) => inventory.cas.put(name, record),
  } as unknown as StepContext;
  const { certificatePem } = theirs;
  const { fingerprint256 } = describeCertificate(certificatePem);
  const input = { ca: 'eu-us-remote', certificatePem, fingerprint256 };
  const step = importCaStep({ inventory, secrets } as unknown as Parameters<typeof importCaStep>[0]);
  const filed = async () => {
    await step(context, input);
    return inventory.cas.get('eu-us-remote');
  };
  const first = await filed();
  expect(first).toMatchObject({ key: null, certificatePem, facts: { fingerprint256 } });
  expect(await filed()).toEqual(first);

  const cas = caService({ inventory, secrets, clock: () => now } as unknown as Parameters<typeof caService>[0]);
  await cas.remove('eu-us-remote', 'admin');
  const again = await filed();
  expect(again?.certificate).toBe(first?.certificate.replace('@1', '@2'));
  expect((await secrets.get(again?.certificate ?? '')).toString()).toBe(certificatePem);

  await expect(step(context, { ...input, fingerprint256: 'another' })).rejects.toThrow(
    /filed another CA under the name eu-us-remote/,
  );
});

test('one whose record was not written before a crash has one version of its certificate after it', async () => {
  const redis = server.connect();
  await redis.flushall();
  const [inventory, secrets] = [openInventory(redis), new SecretStore(redis, createSealer(Buffer.alloc(32, 1)))];
  const memory: { intent: unknown; kept: unknown } = { intent: null, kept: null };
  let filings = 0;
  const context = {
    memory,
    remember: async (patch: object) => void Object.assign(memory, patch),
    checkFence: async () => undefined,
    async file(_: string, name: string, record: CaRecord) {
      filings += 1;
      if (filings === 1) throw new Error('the driver is gone');
      await inventory.cas.put(name, record);
    },
  } as unknown as StepContext;
  const { certificatePem } = theirs;
  const { fingerprint256 } = describeCertificate(certificatePem);
  const input = { ca: 'theirs', certificatePem, fingerprint256 };
  const step = importCaStep({ inventory, secrets } as unknown as Parameters<typeof importCaStep>[0]);
  await expect(step(context, input)).rejects.toThrow('the driver is gone');
  await step(context, input);
  const { certificate } = (await inventory.cas.get('theirs')) ?? expect.fail();
  expect(certificate).toMatch(/@1$/);
  expect((await secrets.list()).map(({ versions }) => versions)).toEqual([[1]]);
});
