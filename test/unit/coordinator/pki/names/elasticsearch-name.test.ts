import { expect, test } from 'vitest';
import { elasticsearchName } from '../../../../../coordinator/src/pki/names/elasticsearch-name.ts';
import { openssl, scratch } from '../outside-tools.ts';

/** What `X500Principal.getName("RFC2253")` of Java 17 says of the same certificates. */
test.each([
  ['/O=Example/CN=signer', 'CN=signer,O=Example'],
  ['/C=NO/O=Example, Inc./CN=signer = eu', 'CN=signer \\= eu,O=Example\\, Inc.,C=NO'],
  ['/CN=#1 "a" <b>; c\\\\d', 'CN=\\#1 \\"a\\" \\<b\\>\\; c\\\\d'],
  ['/CN= a ', 'CN=\\ a\\ '],
  ['/CN=Zürich', 'CN=Zürich'],
  ['/DC=com/UID=u/CN=x', 'CN=x,UID=u,DC=com'],
  ['/CN=x/emailAddress=a@b.c', '1.2.840.113549.1.9.1=#16056140622e63,CN=x'],
  ['/O=o/CN=x+OU=y', 'CN=x+OU=y,O=o'],
])('%s is compared as %s', (subject, name) => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${scratch()}/key`];
  expect(elasticsearchName(openssl(['req', '-x509', ...key, '-utf8', '-subj', subject]))).toBe(name);
});
