import type { OperationCall } from '@remora/shared/operations.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveSecrets } from '../../../../coordinator/src/gateway/delivery/secret-resolution.ts';

const values: Readonly<Record<string, Buffer>> = {
  'secret:key@1': Buffer.from('pa$$wörd'),
  'secret:p12@2': Buffer.from([0x30, 0x82, 0xff, 0x00, 0xfe]),
  'secret:ca/one@1': Buffer.from('-----ONE-----\n'),
  'secret:ca/two@1': Buffer.from('-----TWO-----\n'),
};
const secret = async (reference: string): Promise<Buffer> => {
  const value = values[reference];
  if (!value) throw new Error(`unknown ${reference}`);
  return value;
};
const resolve = (...operations: OperationCall[]): Promise<OperationCall[]> => resolveSecrets(operations, secret);
const file = (content: string | { $secret: string | string[] }) => ({ path: 'a', content, source: 'a', mode: 0o640 });

describe('resolveSecrets', () => {
  test('gives the bytes of a file as base64, and of a list one after another', async () => {
    const write = [file({ $secret: 'secret:p12@2' }), file({ $secret: ['secret:ca/one@1', 'secret:ca/two@1'] })];
    const [call] = await resolve({ name: 'files', input: { write, remove: ['old'] } });
    expect(call).toEqual({
      name: 'files',
      input: {
        write: [file('MIL/AP4='), file(Buffer.from('-----ONE-----\n-----TWO-----\n').toString('base64'))],
        remove: ['old'],
      },
    });
  });

  test('leaves the plain content of a file as it is', async () => {
    const call: OperationCall = { name: 'files', input: { write: [file('aGVsbG8=')], remove: [] } };
    expect(await resolve(call)).toEqual([call]);
  });

  test('gives everything else as UTF-8 text, at any depth', async () => {
    const operations = await resolve(
      {
        name: 'keystore',
        input: {
          set: [{ name: 'a.b', value: { $secret: 'secret:key@1' }, reference: 'secret:key@1' }],
          remove: [],
          password: { $secret: 'secret:key@1' },
        },
      },
      {
        name: 'request',
        input: {
          ...{ method: 'POST', path: '/_nodes/reload_secure_settings', user: 'u', timeoutMs: 1000 },
          password: { $secret: 'secret:key@1' },
          body: { list: [{ secure_settings_password: { $secret: 'secret:key@1' } }], none: null },
        },
      },
    );
    expect(operations).toMatchObject([
      { input: { set: [{ value: 'pa$$wörd', reference: 'secret:key@1' }], password: 'pa$$wörd' } },
      { input: { password: 'pa$$wörd', body: { list: [{ secure_settings_password: 'pa$$wörd' }], none: null } } },
    ]);
  });

  test('does not change what it was given', async () => {
    const call: OperationCall = { name: 'files', input: { write: [file({ $secret: 'secret:p12@2' })], remove: [] } };
    await resolve(call);
    expect(call.input).toEqual({ write: [file({ $secret: 'secret:p12@2' })], remove: [] });
  });

  test('fails with the reason of the secret store', async () => {
    const input = { write: [file({ $secret: 'secret:gone@1' })], remove: [] };
    await expect(resolve({ name: 'files', input })).rejects.toThrow('unknown secret:gone@1');
  });

  test('an object that only looks like a reference stays', async () => {
    const body = { $secret: 'secret:key@1', more: 1 };
    const input = { method: 'POST' as const, path: '/', user: 'u', password: 'p', timeoutMs: 1000, body };
    expect(await resolve({ name: 'request', input })).toEqual([{ name: 'request', input }]);
  });

  test('whatever holds no reference comes out as it went in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (body) => {
        const input = { method: 'POST' as const, path: '/', user: 'u', password: 'p', timeoutMs: 1000, body };
        expect(await resolve({ name: 'request', input })).toEqual([{ name: 'request', input }]);
      }),
    );
  });
});
