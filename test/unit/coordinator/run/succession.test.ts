import { expect, test } from 'vitest';
import type { ConnectionRecord } from '../../../../coordinator/src/plan/connection/connection-records.ts';
import type { CaRecord, SigningCertificateRecord } from '../../../../coordinator/src/plan/records.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { successionStep } from '../../../../coordinator/src/run/steps/keys/succession.ts';

const ca = { name: 'us-remote', certificatePem: 'PEM' } as CaRecord;
const connection = (local: string): ConnectionRecord =>
  ({ local, remote: 'us', alias: 'us', ca: 'us-remote' }) as ConnectionRecord;

/** What the step files when these connections trust the CA that goes. */
const filed = async (
  connections: readonly ConnectionRecord[],
  isRetired = false,
  signers: readonly SigningCertificateRecord[] = [],
): Promise<unknown[]> => {
  const records: unknown[] = [];
  const context = {
    memory: { intent: null, kept: null },
    remember: async () => undefined,
    file: async (...record: unknown[]) => void records.push(record),
  } as unknown as StepContext;
  const inventory = {
    cas: { get: async () => ca },
    connections: { list: async () => connections },
    certificates: { list: async () => [] },
    signingCertificates: { list: async () => signers },
  } as unknown as Parameters<typeof successionStep>[0]['inventory'];
  const input = { ca: 'us-remote', successor: 'us-remote-2', isRetired, clusters: ['us', 'eu'] };
  await successionStep({ inventory, clock: () => new Date('2026-03-01T12:00:00Z') })(context, input);
  return records;
};

test('the rotation is noted', async () => {
  expect(await filed([connection('eu')])).toEqual([['cas', 'us-remote', { ...ca, successor: 'us-remote-2' }]]);
});

test('a connection from a cluster that came after the plan ends it before anything is changed', async () => {
  await expect(filed([connection('eu'), connection('ap')])).rejects.toMatchObject({
    code: 'plan-stale',
    message:
      'The connection ap/us came to trust CA us-remote after the plan was made, and is not part of it. Nothing was changed.',
  });
});

const signing = { ca: 'us-remote', subject: 'CN=signer', identity: 'CN=signer', validityMs: 1 };

test('a connection that is signed by it from a cluster that came after the plan ends it too', async () => {
  const signed = { ...connection('ap'), ca: 'other', signing };
  await expect(filed([connection('eu'), signed])).rejects.toThrow('The connection ap/us came to trust CA us-remote');
});

test('a CA by which something is signed is not retired', async () => {
  const signer = { cluster: 'eu', node: 'eu-1', alias: 'us', ca: 'us-remote' } as SigningCertificateRecord;
  await expect(filed([], true, [signer])).rejects.toThrow(
    'the certificate by which eu/eu-1 signs for us came to use it',
  );
  const signed = { ...connection('eu'), ca: 'other', signing };
  await expect(filed([signed], true)).rejects.toThrow('the connection eu/us came to use it meanwhile');
});

test('a CA that something uses is not retired', async () => {
  await expect(filed([connection('eu')], true)).rejects.toThrow(/the connection eu\/us came to use it meanwhile/);
  expect(await filed([], true)).toEqual([
    ['cas', 'us-remote', { ...ca, successor: 'us-remote-2', retiredAt: '2026-03-01T12:00:00.000Z' }],
  ]);
});
