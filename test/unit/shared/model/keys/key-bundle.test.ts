import { describe, expect, test } from 'vitest';
import { keyIdIn } from '../../../../../shared/src/model/keys/encoded-key.ts';
import { type KeyBundle, parseKeyBundle } from '../../../../../shared/src/model/keys/key-bundle.ts';

const encoded = Buffer.from('key-id:key-secret').toString('base64');
const bundle: KeyBundle = {
  ...{ format: 'remora-remote-key', version: 1, for: 'eu-team', ca: null, mode: 'sniff', seeds: ['us-1:9443'] },
  remote: { name: 'us', clusterUuid: 'uuid-us', version: '9.5.3' },
  key: { id: 'key-id', name: 'remora-for-eu-team', expiresAt: null, access: {}, encoded },
  ...{ proxyAddress: null, serverName: null },
};

describe('an encoded key', () => {
  test('tells its id', () => {
    expect(keyIdIn(encoded)).toBe('key-id');
  });
  test.each([
    ['abcdefghijklmnopqrst:abcdefghijklmnopqrst', /ID:SECRET as it stands/],
    ['not a key', /no base64/],
    [Buffer.from('nothing').toString('base64'), /does not hold an id and a secret/],
  ])('is not %s, which is never quoted', (text, says) => {
    expect(() => keyIdIn(text)).toThrow(says);
    expect(() => keyIdIn(text)).not.toThrow(new RegExp(text));
  });
});

describe('a bundle', () => {
  test('is read back', () => {
    expect(parseKeyBundle(JSON.stringify(bundle), 'F')).toEqual(bundle);
  });
  test.each([
    ['that was cut off', JSON.stringify(bundle).slice(0, -9), /F begins like JSON and is none/],
    ['of something else', '{"id":"a"}', /F is JSON, but no bundle/],
    ['of a later version', JSON.stringify({ ...bundle, version: 2 }), /bundle of version 2/],
    ['without addresses', JSON.stringify({ ...bundle, seeds: undefined }), /something is missing or wrong/],
    [
      'with another key',
      JSON.stringify({ ...bundle, key: { ...bundle.key, id: 'b' } }),
      /holds another key than it says/,
    ],
  ])('%s is refused', (_, text, says) => {
    expect(() => parseKeyBundle(text, 'F')).toThrow(says);
  });
});
