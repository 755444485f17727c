import { expect, test } from 'vitest';
import { askConfigured } from '../../../../../coordinator/src/observe/certificates/ssl-certificates.ts';

/** A cluster on record, and what one of its nodes answers. */
const record = async () => ({
  ...{ name: 'us', urls: [], caPem: null, user: 'remora', password: 'secret:cluster/us@1' },
  ...{ clusterUuid: 'uuid', addedAt: '2026-01-01T00:00:00.000Z' },
});
const ask = async (status: number, body: unknown) => {
  const asked: unknown[] = [];
  const answer = await askConfigured({ record }, 'us', async (...question) => {
    asked.push(question);
    return { status, body };
  });
  return { asked, answer };
};

test('a node is asked with a reference to the password, and its certificates are told with bare serial numbers', async () => {
  const { asked, answer } = await ask(200, [
    {
      ...{ path: 'remora.p12', format: 'PKCS12', alias: 'node', subject_dn: 'CN=us-1', serial_number: '0AF' },
      ...{ has_private_key: true, expiry: '2030-01-01T00:00:00Z' },
    },
  ]);
  const input = { method: 'GET', path: '/_ssl/certificates', user: 'remora', timeoutMs: 10_000 };
  expect(asked).toEqual([[{ ...input, password: { $secret: 'secret:cluster/us@1' } }, 20_000]]);
  expect(answer).toEqual({
    ...{ status: 200, reason: '' },
    certificates: [
      {
        ...{ path: 'remora.p12', alias: 'node', subject: 'CN=us-1', issuer: '', serial: 'af' },
        ...{ notAfter: '2030-01-01T00:00:00.000Z', hasPrivateKey: true },
      },
    ],
  });
});

test.each([
  [{ error: { reason: 'not allowed' } }, 'not allowed'],
  [null, 'it gave no reason'],
])('what it refuses is told with its reason: %j', async (body, reason) => {
  expect((await ask(403, body)).answer).toEqual({ status: 403, reason, certificates: [] });
});
