import { expect, test } from 'vitest';
import { isTold } from '../../../../../coordinator/src/plan/certificates/serial.ts';

const ca = {
  ...{ subject: 'CN=Nodes,O=Example', issuer: 'CN=Root,O=Example', serial: '01' },
  notAfter: '2030-01-01T00:00:00.000Z',
};
/** As Java writes the same. */
const told = { ...ca, subject: 'CN=Nodes, O=Example', issuer: 'CN=Root, O=Example', serial: '1' };

test.each([
  ['the same', {}, true],
  ['one of which Elasticsearch does not tell the issuer', { issuer: '' }, true],
  ['another one with the same number', { subject: 'CN=Others, O=Example' }, false],
  ['one of another issuer', { issuer: 'CN=Others, O=Example' }, false],
  ['one that ends at another time', { notAfter: '2031-01-01T00:00:00.000Z' }, false],
  ['one with another number', { serial: '2' }, false],
  ['a name that Java and OpenSSL write in different ways', { subject: 'CN="Nodes, all", O=Example' }, true],
  ['an attribute that they call by different names', { subject: 'EMAILADDRESS=a@example.com, CN=Nodes' }, true],
])('what Elasticsearch tells of is this certificate: %s', (_, more, isSame) => {
  expect(isTold({ ...told, ...more }, ca)).toBe(isSame);
});
