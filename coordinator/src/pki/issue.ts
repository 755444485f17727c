import { X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { isHostName } from '@remora/shared/model/values/address.ts';
import forge from 'node-forge';
import { type CertificateAuthority, keyMatches } from './ca.ts';
import {
  buildCertificate,
  type DistinguishedName,
  encodedName,
  encodedSubject,
  validity,
} from './certificate-builder.ts';
import { parseRsaPrivateKey, parseRsaPublicKey } from './keys.ts';
import { childrenOf, toDer } from './names/der.ts';
import {
  alternativeNamesExtension,
  type GeneralName,
  generalNames,
  type SubjectAlternativeNames,
} from './names/general-names.ts';
import { nameConstraintsOf, whyForbidden } from './names/name-constraints.ts';
import { type CertificateUsage, usageExtensions } from './usages.ts';

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

/** Where a certificate has no host names, OpenSSL takes its common name for one when it looks like it. */
const judgedNames = (names: readonly GeneralName[], { commonName }: DistinguishedName): readonly GeneralName[] =>
  names.some(({ kind }) => kind === 'DNS') || !commonName.includes('.') || !isHostName(commonName)
    ? names
    : [...names, { kind: 'DNS', value: commonName.toLowerCase() }];

/** Refuses names that the CA must not certify (`bad-input`): whoever checks such a certificate would refuse it. */
const refuseForbiddenNames = (caPem: string, subject: DistinguishedName, sans: SubjectAlternativeNames): void => {
  const constraints = nameConstraintsOf(caPem);
  if (constraints === null) return;
  const relativeNames = childrenOf(encodedName(subject)).map((name) => toDer(name).toString('hex'));
  const why = whyForbidden(constraints, {
    names: judgedNames(generalNames(sans), subject),
    subject: relativeNames,
  });
  if (why === null) return;
  const ca = new X509Certificate(caPem).subject.replaceAll('\n', ',');
  throw new RemoraError('bad-input', `The CA "${ca}" must not certify "${subject.commonName}": ${why}.`, {
    hint: 'Its name constraints say so: choose other names, or another CA.',
  });
};

/** What a certificate shall be for, and whom it shall name. */
export type CertificateNaming = Pick<IssueRequest, 'subject' | 'sans' | 'usage'> & { readonly caPem: string };

/** Refuses names that are none, a server without a name, and names that the CA must not certify; throws `bad-input`. Answers the names as they will stand. */
export const checkNaming = ({ caPem, subject, sans, usage }: CertificateNaming): GeneralName[] => {
  const names = generalNames(sans);
  encodedName(subject);
  if (usage.includes('server') && names.length === 0) {
    throw new RemoraError(
      'bad-input',
      `The server certificate "${subject.commonName}" needs at least one host name or IP address.`,
    );
  }
  refuseForbiddenNames(caPem, subject, sans);
  return names;
};

type Term = { readonly notBefore: Date; readonly notAfter: Date; readonly shortened: boolean };

/** From when until when a certificate of the CA will be valid; throws `bad-input` for a CA that cannot sign now. */
export const termOf = ({ ca, validityMs, now }: Pick<IssueRequest, 'ca' | 'validityMs' | 'now'>): Term =>
  term(usableCa(ca, now).notAfter, validity(now, validityMs));

const term = (end: Date, { notBefore, notAfter }: { readonly notBefore: Date; readonly notAfter: Date }): Term => {
  const shortened = notAfter > end;
  return { notBefore, notAfter: shortened ? end : notAfter, shortened };
};

/**
 * Issues an end certificate. It never outlives its CA: then `shortened` is true. Throws `bad-input` for a name that cannot stand in a certificate, and for a
 * CA that cannot sign (ended, wrong key, not a CA, not RSA) or must not (name constraints).
 */
export const issueCertificate = (request: IssueRequest): IssuedCertificate => {
  const { subject, usage, now } = request;
  const names = checkNaming({ ...request, caPem: request.ca.certificatePem });
  parseRsaPublicKey(request.publicKeyPem);
  const ca = usableCa(request.ca, now);
  const { notBefore, notAfter, shortened } = term(ca.notAfter, validity(now, request.validityMs));
  const certificatePem = buildCertificate({
    publicKeyPem: request.publicKeyPem,
    subject,
    issuerName: encodedSubject(ca.certificate),
    notBefore,
    notAfter,
    extensions: [
      ...usageExtensions(usage),
      { name: 'subjectKeyIdentifier' },
      { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifier(ca.certificate) },
      ...(names.length === 0 ? [] : [alternativeNamesExtension(names)]),
    ],
    signingKey: parseRsaPrivateKey(request.ca.privateKeyPem, "The CA's private key"),
  });
  return { certificatePem, notAfter: notAfter.toISOString(), shortened };
};
