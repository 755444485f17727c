import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AuditLog } from '../../../coordinator/src/audit/audit-log.ts';
import { type CertificateAuthority, createCa } from '../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../coordinator/src/pki/describe.ts';
import { issueCertificate } from '../../../coordinator/src/pki/issue.ts';
import { createSealer } from '../../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../../coordinator/src/secrets/secret-store.ts';
import { signingRequestService } from '../../../coordinator/src/services/certificates/signing-requests.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

/** Certificates that come back from a CA elsewhere, to several at once. */
const now = new Date();
let server: TestRedis;
let ca: CertificateAuthority;

beforeAll(async () => {
  server = await startRedis();
  ca = await createCa({ commonName: 'corp', validityDays: 30, keyBits: 2048, now });
});
afterAll(() => server.stop());

/** On a connection of its own. `accept` goes on from what it read only when `met` has come to pass. */
const open = (met: () => Promise<unknown> = async () => undefined) => {
  const redis = server.connect();
  const inventory = openInventory(redis);
  const { signingRequests } = inventory;
  const list = async () => {
    const read = await signingRequests.list();
    await met();
    return read;
  };
  const secrets = new SecretStore(redis, createSealer(Buffer.alloc(32, 1)));
  const parts = { inventory: { ...inventory, signingRequests: { ...signingRequests, list } }, secrets };
  return { redis, inventory, secrets, requests: signingRequestService({ ...parts, clock: () => now }) };
};

beforeEach(async () => {
  const { redis, inventory } = open();
  await redis.flushall();
  await inventory.cas.put('corporate', {
    ...{ name: 'corporate', certificatePem: ca.certificatePem, certificate: 'secret:ca/corporate/certificate@1' },
    ...{ key: null, facts: describeCertificate(ca.certificatePem) },
  });
});

/** Requests of these names; answers how the CA signs the one of a name, another certificate each time. */
const ask = async (...names: readonly string[]) => {
  const { requests, secrets } = open();
  const instances = names.map((name) => ({ name, sans: [name] }));
  const asked = await requests.create({ ca: 'corporate', purpose: 'transport', instances }, 'anna');
  return async (name: string) => {
    const { id = '' } = asked.find((one) => one.name === name) ?? {};
    const key = createPublicKey((await secrets.get(`secret:signing-request/${id}/key@1`)).toString());
    const { certificatePem } = issueCertificate({
      ...{ ca, publicKeyPem: key.export({ type: 'spki', format: 'pem' }).toString(), now },
      ...{ subject: { commonName: name }, sans: { dns: [name], ip: [] }, usage: ['server', 'client'] },
      validityMs: 86_400_000,
    });
    return { name: `${name}.crt`, content: Buffer.from(certificatePem) };
  };
};

/** Some accept at once: each has read what is there before any of them files anything. */
const acceptAtOnce = (...given: readonly (readonly Awaited<ReturnType<Awaited<ReturnType<typeof ask>>>>[])[]) => {
  const all = Promise.withResolvers<void>();
  let here = 0;
  const met = (): Promise<void> => {
    here += 1;
    if (here === given.length) all.resolve();
    return all.promise;
  };
  return Promise.allSettled(given.map((files) => open(met).requests.accept(files, 'anna')));
};

const filed = async () =>
  Object.fromEntries(
    (await open().requests.list()).map(({ name, certificate }) => [name, certificate?.serial ?? null]),
  );
const serialOf = ({ content }: { readonly content: Buffer }): string => describeCertificate(content.toString()).serial;
const accepts = async (): Promise<number> => {
  const entries = await new AuditLog(open().redis).list({ limit: 100 });
  return entries.filter(({ action }) => action === 'certificate.accept').length;
};

test('of two certificates for one request that come at once the first stays, and the second is refused', async () => {
  const sign = await ask('n1');
  const [one, other] = [await sign('n1'), await sign('n1')];
  const answers = await acceptAtOnce([one], [other]);
  const [taken] = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  expect(taken?.certificate?.serial).toBe(serialOf(answers[0]?.status === 'fulfilled' ? one : other));
  expect(answers.filter(({ status }) => status === 'rejected')).toEqual([
    expect.objectContaining({ reason: expect.objectContaining({ code: 'bad-input' }) }),
  ]);
  expect(await filed()).toEqual({ n1: taken?.certificate?.serial });
  expect(await accepts()).toBe(1);
});

test('the same certificate that comes twice at once, or twice in one call, is taken and recorded once', async () => {
  const sign = await ask('n1');
  const one = await sign('n1');
  const [first, second] = await acceptAtOnce([one, one], [one]);
  expect([first?.status, second?.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(await filed()).toEqual({ n1: serialOf(one) });
  expect(await accepts()).toBe(1);
});

test('who comes second with one of several has none of them taken', async () => {
  const sign = await ask('n1', 'n2', 'n3');
  const [left, right] = [
    [await sign('n1'), await sign('n2')],
    [await sign('n3'), await sign('n2')],
  ];
  const [first] = await acceptAtOnce(left, right);
  const isFirst = first?.status === 'fulfilled';
  const [one, two] = (isFirst ? left : right).map(serialOf);
  expect(await filed()).toEqual({ n1: isFirst ? one : null, n2: two, n3: isFirst ? null : one });
  expect(await accepts()).toBe(2);
});

test('two certificates for one request in one call are refused, and none is taken', async () => {
  const sign = await ask('n1', 'n2');
  const files = [await sign('n2'), await sign('n1'), await sign('n1')];
  await expect(open().requests.accept(files, 'anna')).rejects.toThrow(/"n1" has a certificate already, another/);
  expect(await filed()).toEqual({ n1: null, n2: null });
});

test('a request that is forgotten while certificates come is told of, and none is taken', async () => {
  const sign = await ask('n1', 'n2');
  const files = [await sign('n1'), await sign('n2')];
  const { requests, inventory } = open();
  const { id = '' } = (await requests.list()).find(({ name }) => name === 'n2') ?? {};
  const forgetting = open(() => inventory.signingRequests.remove(id));
  await expect(forgetting.requests.accept(files, 'anna')).rejects.toMatchObject({ code: 'not-found' });
  expect(await filed()).toEqual({ n1: null });
});
