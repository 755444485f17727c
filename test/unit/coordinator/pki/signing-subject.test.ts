import { X509Certificate } from 'node:crypto';
import { parseSubject } from '@remora/shared/model/certificates/distinguished-name.ts';
import { expect, test } from 'vitest';
import { createCa } from '../../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../../coordinator/src/pki/describe.ts';
import { issueCertificate } from '../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair } from '../../../../coordinator/src/pki/keys.ts';
import { usagesOf } from '../../../../coordinator/src/pki/usages.ts';

const now = new Date('2026-03-01T12:00:00Z');
const ca = await createCa({ commonName: 'signing', validityDays: 10, keyBits: 2048, now });
const { publicKeyPem } = await generateRsaKeyPair(2048);

test.each([
  'CN=signer,O=x',
  'O=x,CN=signer',
  'CN=eu signer,OU=search,O=Example Corp,L=Oslo,ST=Oslo,C=NO,DC=example,DC=com',
])('the certificate that signs requests says exactly %s, and is a client of nothing else', (subject) => {
  const { certificatePem } = issueCertificate({
    ...{ ca, publicKeyPem, now, validityMs: 86_400_000, sans: { dns: [], ip: [] } },
    ...{ subject: { commonName: 'x', whole: parseSubject(subject) }, usage: usagesOf.remote_signing },
  });
  expect(describeCertificate(certificatePem).subject).toBe(subject);
  expect(new X509Certificate(certificatePem).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});
