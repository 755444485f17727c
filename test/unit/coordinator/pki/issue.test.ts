import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CertificateAuthority, createCa, keyMatches } from '../../../../coordinator/src/pki/ca.ts';
import { describeCertificate } from '../../../../coordinator/src/pki/describe.ts';
import { type IssueRequest, issueCertificate } from '../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../../coordinator/src/pki/keys.ts';
import { fileWith, openssl, opensslText, opensslVerify } from './outside-tools.ts';

let ca: CertificateAuthority;
let keys: KeyPair;
const now = new Date();

beforeAll(async () => {
  [ca, keys] = await Promise.all([
    createCa({
      commonName: 'us-remote',
      organization: 'Müller & Söhne, Ltd',
      validityDays: 30,
      keyBits: 2048,
      now,
      pathLength: 0,
    }),
    generateRsaKeyPair(2048),
  ]);
});

const issue = (more: Partial<IssueRequest> = {}) =>
  issueCertificate({
    ca,
    publicKeyPem: keys.publicKeyPem,
    subject: { commonName: 'us-1', organization: 'Zoë' },
    sans: {
      dns: ['US-1.example.com', '*.us.example.com', 'us-1.example.com'],
      ip: ['10.0.0.1', 'fe80::ABC', '::ffff:10.0.0.2'],
    },
    usage: ['server'],
    validityMs: 7 * 86_400_000,
    now,
    ...more,
  });

describe('createCa', () => {
  test('makes what openssl takes for a CA', () => {
    const text = opensslText(ca.certificatePem);
    expect(text).toContain('CA:TRUE, pathlen:0');
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(text).toContain('X509v3 Subject Key Identifier');
    expect(text).toContain('sha256WithRSAEncryption');
    expect(describeCertificate(ca.certificatePem)).toMatchObject({
      subject: 'CN=us-remote,O=Müller & Söhne\\, Ltd',
      isCa: true,
      selfSigned: true,
    });
    expect(keyMatches(ca.certificatePem, ca.privateKeyPem)).toBe(true);
  });

  test('backdates by five minutes and counts days from now', () => {
    const { validFromDate, validToDate } = new X509Certificate(ca.certificatePem);
    expect(Math.floor(now.getTime() / 1000) - validFromDate.getTime() / 1000).toBe(300);
    expect(validToDate.getTime() - validFromDate.getTime()).toBe((30 * 86_400 + 300) * 1000);
  });

  test('reaches beyond 2050, where the encoding of dates changes', async () => {
    const long = await createCa({ commonName: 'long', validityDays: 36_500, keyBits: 2048, now });
    expect(new X509Certificate(long.certificatePem).validToDate.getTime()).toBe(
      Math.floor(now.getTime() / 1000) * 1000 + 36_500 * 86_400_000,
    );
  });

  test.each([0, -1, Number.NaN, 40_000])('refuses %s days', async (validityDays) => {
    await expect(createCa({ commonName: 'x', validityDays, keyBits: 2048, now })).rejects.toThrow(
      /cannot be valid for/,
    );
  });
});

describe('issueCertificate', () => {
  test('openssl verifies it for its usage and for no other', () => {
    const server = issue().certificatePem;
    expect(opensslVerify(ca.certificatePem, server, 'sslserver')).toBe('leaf.crt: OK');
    expect(opensslVerify(ca.certificatePem, server, 'sslclient')).toContain('unsuitable certificate purpose');
    const client = issue({ usage: ['client'], sans: { dns: [], ip: [] } }).certificatePem;
    expect(opensslVerify(ca.certificatePem, client, 'sslclient')).toBe('leaf.crt: OK');
    expect(opensslVerify(ca.certificatePem, client, 'sslserver')).toContain('unsuitable certificate purpose');
    const both = issue({ usage: ['server', 'client'] }).certificatePem;
    expect(opensslVerify(ca.certificatePem, both, 'sslclient')).toBe('leaf.crt: OK');
  });

  test('carries names, identifiers and usages', () => {
    const { certificatePem, shortened } = issue();
    const text = opensslText(certificatePem);
    expect(text).toContain(
      'DNS:us-1.example.com, DNS:*.us.example.com, IP Address:10.0.0.1, IP Address:FE80:0:0:0:0:0:0:ABC, IP Address:0:0:0:0:0:FFFF:A00:2\n',
    );
    expect(text).toContain('CA:FALSE');
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
    const skid = openssl(['x509', '-noout', '-ext', 'subjectKeyIdentifier'], ca.certificatePem).split('\n')[1]?.trim();
    const akid = openssl(['x509', '-noout', '-ext', 'authorityKeyIdentifier'], certificatePem).split('\n')[1]?.trim();
    expect(akid).toBe(skid);
    expect(shortened).toBe(false);
    expect(describeCertificate(certificatePem)).toMatchObject({
      subject: 'CN=us-1,O=Zoë',
      issuer: describeCertificate(ca.certificatePem).subject,
      isCa: false,
      selfSigned: false,
    });
  });

  test('serial numbers are positive, of 16 octets and never the same', () => {
    const serials = Array.from({ length: 20 }, () => new X509Certificate(issue().certificatePem).serialNumber);
    expect(new Set(serials).size).toBe(20);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test('never outlives its CA, and says so', () => {
    const { certificatePem, shortened, notAfter } = issue({ validityMs: 365 * 86_400_000 });
    const end = new X509Certificate(ca.certificatePem).validToDate;
    expect(shortened).toBe(true);
    expect(notAfter).toBe(end.toISOString());
    expect(new X509Certificate(certificatePem).validToDate).toEqual(end);
  });

  test("an openssl CA's own name encoding and key identifier are taken over", async () => {
    const key = (await generateRsaKeyPair(2048)).privateKeyPem;
    const config =
      '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=v3\nstring_mask=default\n[dn]\nC=DE\nO=Grün\nCN=Root\n[v3]\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=AA:BB:CC\n';
    const certificatePem = openssl([
      'req',
      '-x509',
      '-new',
      '-utf8',
      '-days',
      '9',
      '-key',
      fileWith(key),
      '-config',
      fileWith(config),
    ]);
    const issued = issue({ ca: { certificatePem, privateKeyPem: key } }).certificatePem;
    expect(new X509Certificate(issued).checkIssued(new X509Certificate(certificatePem))).toBe(true);
    expect(opensslText(issued)).toMatch(/Authority Key Identifier:\s+AA:BB:CC/);
    expect(opensslVerify(certificatePem, issued, 'sslserver')).not.toContain('unable to get');
  });

  test.each([
    [
      'a bad host name',
      { sans: { dns: ['a b'], ip: [] } },
      /"a b" cannot stand in a certificate: it is not a host name/,
    ],
    ['an inner wildcard', { sans: { dns: ['a.*.b'], ip: [] } }, /one whole label and comes first/],
    ['a bad address', { sans: { dns: [], ip: ['10.0.0.256'] } }, /is not an IP address/],
    ['no name at all', { sans: { dns: [], ip: [] } }, /needs at least one host name/],
    ['an empty common name', { subject: { commonName: '' } }, /cannot be the commonName/],
    ['a line feed in a name', { subject: { commonName: 'a\nb' } }, /cannot be the commonName/],
    ['no key', { publicKeyPem: 'x' }, /cannot be read as PEM/],
  ] as const)('refuses %s', (_, more, message) => {
    expect(() => issue(more)).toThrow(message);
  });

  test('refuses a CA that may not or cannot sign', async () => {
    const other = await generateRsaKeyPair(2048);
    expect(() => issue({ ca: { certificatePem: ca.certificatePem, privateKeyPem: other.privateKeyPem } })).toThrow(
      /not the one of its certificate/,
    );
    expect(() => issue({ ca: { certificatePem: issue().certificatePem, privateKeyPem: keys.privateKeyPem } })).toThrow(
      /not a CA certificate/,
    );
    expect(() => issue({ now: new Date(now.getTime() + 31 * 86_400_000) })).toThrow(/it ended at/);
  });
});

/** The error code of a handshake with a server that serves `certificatePem`, or `authorized`. */
const handshake = async (certificatePem: string, servername: string, trusted: string): Promise<string> => {
  const server = createServer({ cert: certificatePem, key: keys.privateKeyPem }, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername, ca: trusted });
    socket.once('secureConnect', () => {
      resolve('authorized');
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
};

describe('a TLS handshake', () => {
  test('succeeds for a covered name with the CA, and fails for another name or CA', async () => {
    const { certificatePem } = issue({ sans: { dns: ['*.us.example.com'], ip: ['127.0.0.1'] } });
    const stranger = await createCa({ commonName: 'stranger', validityDays: 1, keyBits: 2048, now });
    expect(await handshake(certificatePem, 'n1.us.example.com', ca.certificatePem)).toBe('authorized');
    expect(await handshake(certificatePem, 'n1.eu.example.com', ca.certificatePem)).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect(await handshake(certificatePem, 'n1.us.example.com', stranger.certificatePem)).toBe(
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    );
  });
});
