import { expect, test } from 'vitest';
import { isPasswordProtected } from '../../../../agent/src/keystore/header.ts';

/** The first bytes of keystores that Elasticsearch 9.5.3 wrote. */
const header = (flag: string) =>
  Buffer.from(`3fd76c1716656c61737469637365617263682e6b657973746f726500000007${flag}930000004000`, 'hex');

test.each([
  ['a keystore without a password', header('00'), false],
  ['a protected one', header('01'), true],
  ['one that breaks off', header('01').subarray(0, 30), null],
  ['an empty file', Buffer.alloc(0), null],
  ['another file', Buffer.from('# elasticsearch.yml with enough bytes to hold a header'), null],
])('%s', (_, bytes, expected) => {
  expect(isPasswordProtected(bytes)).toBe(expected);
});
