import { X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { isHostName } from '@remora/shared/model/address.ts';
import forge from 'node-forge';
import { type CertificateAuthority, keyMatches } from './ca.ts';
import { buildCertificate, type DistinguishedName, encodedSubject, validity } from './certificate-builder.ts';
import { canonicalIp } from './ip-address.ts';
import { parseRsaPrivateKey, parseRsaPublicKey } from './keys.ts';

export type CertificateUsage = 'server' | 'client';

export interface SubjectAlternativeNames {
  /** Host names; a leading `*.` stands for one label (RFC 6125, section 6.4.3). */
  readonly dns: readonly string[];
  /** IPv4 and IPv6 addresses, the latter without brackets. */
  readonly ip: readonly string[];
}

export interface IssueRequest {
  readonly ca: CertificateAuthority;
  /** SubjectPublicKeyInfo of an RSA key. */
  readonly publicKeyPem: string;
  readonly subject: DistinguishedName;
  readonly sans: SubjectAlternativeNames;
  readonly usage: readonly CertificateUsage[];
  /** In ms; dates in a certificate are whole seconds. */
  readonly validityMs: number;
  readonly now: Date;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** Whether the CA's own end cut the validity that was asked for. */
  readonly shortened: boolean;
}

type GeneralName = { readonly type: 2; readonly value: string } | { readonly type: 7; readonly ip: string };

const dnsName = (name: string): GeneralName => {
  if (!isHostName(name.replace(/^\*\./, ''))) {
    throw new RemoraError('bad-input', `"${name}" cannot stand in a certificate: it is not a host name.`);
  }
  return { type: 2, value: name.toLowerCase() };
};

const ipName = (address: string): GeneralName => {
  const ip = canonicalIp(address);
  if (ip === null)
    throw new RemoraError('bad-input', `"${address}" cannot stand in a certificate: it is not an IP address.`);
  return { type: 7, ip };
};

const unique = (names: readonly GeneralName[]): GeneralName[] => [
  ...new Map(names.map((name) => [JSON.stringify(name), name])).values(),
];

/** The CA's certificate, once it is known that it may sign now and that we hold its key. */
const usableCa = (ca: CertificateAuthority, now: Date): { certificate: forge.pki.Certificate; notAfter: Date } => {
  const facts = new X509Certificate(ca.certificatePem);
  const refuse = (why: string): never => {
    throw new RemoraError(
      'bad-input',
      `The CA "${facts.subject.replaceAll('\n', ',')}" cannot issue certificates: ${why}.`,
    );
  };
  if (!facts.ca) return refuse('its certificate is not a CA certificate (basicConstraints)');
  if (facts.publicKey.asymmetricKeyType !== 'rsa') return refuse('its key is not an RSA key');
  if (!keyMatches(ca.certificatePem, ca.privateKeyPem))
    return refuse('the private key is not the one of its certificate');
  if (facts.validToDate <= now) return refuse(`it ended at ${facts.validToDate.toISOString()}`);
  return { certificate: forge.pki.certificateFromPem(ca.certificatePem), notAfter: facts.validToDate };
};

/** The CA's own subject key identifier, in bytes, since issuer and authority key identifier must be equal (RFC 5280, section 4.2.1.1). */
const keyIdentifier = (ca: forge.pki.Certificate): string => {
  const extension = ca.getExtension('subjectKeyIdentifier');
  if (extension && 'subjectKeyIdentifier' in extension && typeof extension.subjectKeyIdentifier === 'string') {
    return forge.util.hexToBytes(extension.subjectKeyIdentifier);
  }
  return ca.generateSubjectKeyIdentifier().getBytes();
};

/**
 * Issues an end certificate. It never outlives its CA: then `shortened` is true. Throws `bad-input` for a name that cannot stand in a certificate, and for a
 * CA that cannot sign (ended, wrong key, not a CA, not RSA).
 */
export const issueCertificate = (request: IssueRequest): IssuedCertificate => {
  const { subject, sans, usage, now } = request;
  const names = unique([...sans.dns.map(dnsName), ...sans.ip.map(ipName)]);
  if (usage.includes('server') && names.length === 0) {
    throw new RemoraError(
      'bad-input',
      `The server certificate "${subject.commonName}" needs at least one host name or IP address.`,
    );
  }
  parseRsaPublicKey(request.publicKeyPem);
  const ca = usableCa(request.ca, now);
  const wanted = validity(now, request.validityMs);
  const shortened = wanted.notAfter > ca.notAfter;
  const notAfter = shortened ? ca.notAfter : wanted.notAfter;
  const server = usage.includes('server');
  const certificatePem = buildCertificate({
    publicKeyPem: request.publicKeyPem,
    subject,
    issuerName: encodedSubject(ca.certificate),
    notBefore: wanted.notBefore,
    notAfter,
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: server },
      { name: 'extKeyUsage', serverAuth: server, clientAuth: usage.includes('client') },
      { name: 'subjectKeyIdentifier' },
      { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifier(ca.certificate) },
      ...(names.length === 0 ? [] : [{ name: 'subjectAltName', altNames: names }]),
    ],
    signingKey: parseRsaPrivateKey(request.ca.privateKeyPem, "The CA's private key"),
  });
  return { certificatePem, notAfter: notAfter.toISOString(), shortened };
};
