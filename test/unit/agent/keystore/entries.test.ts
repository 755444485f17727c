import { expect, test } from 'vitest';
import { keystoreEntries } from '../../../../agent/src/keystore/entries.ts';

/** As `elasticsearch-keystore` of 8.19.21 wrote it, with one entry beside its seed and no password. One under a password is read in integration/connect. */
const written = [
  'P9dsFxZlbGFzdGljc2VhcmNoLmtleXN0b3JlAAAABwCoAAAAQAAAAKr9O4jIvAL5ZXiqqAhZGlskX6KBsKYjEQ5zMGVoF1kc2GAF',
  'w/ERLLXCnz6djp56NJYZSM8qcKKAVsvKytzi1jgMAAAAyX9YmUa6yqgbecizUAAAAMWSGNKGkTUXZfcWvOP5R0M0HCgXbOhX8aVN',
  'xtqyZ8jX1ns6cjQnUOnzzV7GyrOFa8u3xVS5sFUT/a1I+Xri3GihWHCoSi1jTSqJd2q9+eIywCiT6AAAAAAAAAAABQ6aNg==',
].join('');

test('reads what the real tool wrote', () => {
  const bytes = Buffer.from(written, 'base64');
  const entries = keystoreEntries(bytes, undefined);
  expect([...entries.keys()]).toEqual(['a.b', 'keystore.seed']);
  expect(entries.get('a.b')?.toString()).toBe('hello w\u00f6rld');
  expect(() => keystoreEntries(Buffer.from('no keystore'), undefined)).toThrow('no keystore');
  expect(() => keystoreEntries(bytes.fill(0, 100, 110), undefined)).toThrow();
});
