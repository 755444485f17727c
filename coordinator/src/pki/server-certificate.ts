import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { canonicalIp } from '@remora/shared/model/values/address.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { readIfPresent, readPrivateIfPresent, writeDurably } from '../secrets/durable-file.ts';
import { type CertificateAuthority, keyMatches } from './ca.ts';
import { describeCertificate, parsePemBundle } from './describe.ts';
import { issueCertificate } from './issue.ts';
import { generateRsaKeyPair } from './keys.ts';

const SERVER_DAYS = 397;
const SERVER_BITS = 2048;
const ALWAYS = ['localhost', '127.0.0.1', '::1'];

/** What node:tls takes as `cert` and `key`. */
export interface ServerTls {
  /** The server's certificate, then the CA's. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** Whether it was issued by this call, and not kept. */
  readonly issued: boolean;
}

interface Wish {
  readonly ca: CertificateAuthority;
  readonly directory: string;
  readonly hosts: readonly string[];
  readonly now: Date;
}

/** Names as a certificate shows them, so that those of a wish and of a file can be compared. */
const namesOf = (hosts: readonly string[]): { dns: string[]; ip: string[] } => {
  const all = [...hosts, ...ALWAYS].map((host) => ({ host: host.toLowerCase(), ip: canonicalIp(host) }));
  return {
    dns: [...new Set(all.flatMap(({ host, ip }) => (ip === null ? [host] : [])))],
    ip: [...new Set(all.flatMap(({ ip }) => (ip === null ? [] : [ip])))],
  };
};

/** Keeps the server certificate in `server.crt` and `server.key` while it fits, and issues a new one otherwise. Throws `data-directory` and `bad-input`. */
export const keepServerCertificate = async (wish: Wish): Promise<ServerTls> => {
  const certificatePath = join(wish.directory, 'server.crt');
  const keyPath = join(wish.directory, 'server.key');
  const [certificatePem, privateKeyPem] = await Promise.all([
    readIfPresent(certificatePath),
    readPrivateIfPresent(keyPath),
  ]);
  if (certificatePem !== null && privateKeyPem !== null && fits(wish, certificatePem, privateKeyPem)) {
    return { certificatePem, privateKeyPem, notAfter: describeCertificate(certificatePem).notAfter, issued: false };
  }
  const keys = await generateRsaKeyPair(SERVER_BITS);
  const [commonName = 'localhost'] = wish.hosts;
  const issued = issueCertificate({
    ca: wish.ca,
    publicKeyPem: keys.publicKeyPem,
    subject: { commonName },
    sans: namesOf(wish.hosts),
    usage: ['server'],
    validityMs: SERVER_DAYS * DAY_MS,
    now: wish.now,
  });
  const chain = issued.certificatePem + wish.ca.certificatePem;
  // A crash in between leaves two files that do not belong together; the next start notices and issues again.
  await writeDurably(keyPath, keys.privateKeyPem, 0o600);
  await writeDurably(certificatePath, chain, 0o644);
  return { certificatePem: chain, privateKeyPem: keys.privateKeyPem, notAfter: issued.notAfter, issued: true };
};

/** Both files can be made again at any time, so whatever is wrong with them is a reason to issue, not an error. */
const fits = ({ ca, hosts, now }: Wish, certificatePem: string, privateKeyPem: string): boolean => {
  try {
    const [own = '', ...issuers] = parsePemBundle(certificatePem);
    const facts = describeCertificate(own);
    const names = namesOf(hosts);
    const wanted = [...names.dns.map((name) => `DNS:${name}`), ...names.ip.map((ip) => `IP:${ip}`)];
    const begin = Date.parse(facts.notBefore);
    return (
      wanted.length === facts.sans.length &&
      wanted.every((name) => facts.sans.includes(name)) &&
      now.getTime() < begin + ((Date.parse(facts.notAfter) - begin) * 2) / 3 &&
      issuers.join('') === parsePemBundle(ca.certificatePem).join('') &&
      new X509Certificate(own).verify(new X509Certificate(ca.certificatePem).publicKey) &&
      keyMatches(own, privateKeyPem)
    );
  } catch {
    return false;
  }
};
