import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { DistinguishedNameParts, NamePart } from '@remora/shared/model/certificates/distinguished-name.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { BACKDATED_MS } from '@remora/shared/protocol/enrol.ts';
import forge from 'node-forge';

const { asn1, pki } = forge;

export interface DistinguishedName {
  readonly commonName: string;
  readonly organization?: string;
  /** The whole of it, where it is to be exactly this, the common name too. */
  readonly whole?: DistinguishedNameParts;
}

/** Object identifier and ASN.1 type of each attribute; those of RFC 5280, appendix A, where it demands one. */
const attributeTypes: Readonly<Record<NamePart, readonly [string, forge.asn1.Type]>> = {
  CN: ['2.5.4.3', forge.asn1.Type.UTF8],
  O: ['2.5.4.10', forge.asn1.Type.UTF8],
  OU: ['2.5.4.11', forge.asn1.Type.UTF8],
  C: ['2.5.4.6', forge.asn1.Type.PRINTABLESTRING],
  L: ['2.5.4.7', forge.asn1.Type.UTF8],
  ST: ['2.5.4.8', forge.asn1.Type.UTF8],
  DC: ['0.9.2342.19200300.100.1.25', forge.asn1.Type.IA5STRING],
};

/** RFC 2253 writes the attributes in the reverse of the order in which a certificate has them. */
const wholeName = (parts: DistinguishedNameParts): forge.pki.CertificateField[] =>
  parts.toReversed().map(({ part, value }) => {
    const [type, valueTag] = attributeTypes[part];
    // The types know tag classes only as an enum, which this value is a member of.
    return { type, value, valueTagClass: valueTag as unknown as forge.asn1.Class };
  });

export interface CertificateDraft {
  readonly publicKeyPem: string;
  readonly subject: DistinguishedName;
  /** The issuer's name exactly as its own certificate encodes it; left out for a self-signed certificate. */
  readonly issuerName?: forge.asn1.Asn1;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** As `setExtensions` of node-forge takes them. */
  readonly extensions: readonly Readonly<Record<string, unknown>>[];
  /** RSA. */
  readonly signingKey: KeyObject;
}

/** Positions in a version 3 TBSCertificate (RFC 5280, section 4.1). */
const TBS_ISSUER = 3;
const TBS_SUBJECT = 5;

/** 16 octets from the CSPRNG: positive, without leading zero octets (RFC 5280, section 4.1.2.2, allows 20). */
const newSerial = (): string => {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
};

/**
 * RFC 5280 bounds a common name to 64 characters; neither Java nor OpenSSL hold others to it, and the names of agents may be longer.
 */
const attribute = (name: string, value: string): forge.pki.CertificateField => {
  if (!/^[^\p{Cc}]{1,400}$/u.test(value)) {
    throw new RemoraError(
      'bad-input',
      `"${value}" cannot be the ${name} of a certificate: 1 to 400 characters without control characters.`,
    );
  }
  // The types know tag classes only as an enum, which this value is a member of.
  return { name, value, valueTagClass: asn1.Type.UTF8 as unknown as forge.asn1.Class };
};

/** A subject as node-forge takes it; throws `bad-input` for what cannot stand there. */
export const subjectFields = ({ commonName, organization, whole }: DistinguishedName): forge.pki.CertificateField[] =>
  whole === undefined
    ? [
        ...(organization === undefined ? [] : [attribute('organizationName', organization)]),
        attribute('commonName', commonName),
      ]
    : wholeName(whole);

/** From five minutes ago until so many milliseconds from now. */
export const validity = (now: Date, ms: number): { notBefore: Date; notAfter: Date } => {
  if (!Number.isInteger(ms) || ms < 60_000 || ms > 36_500 * DAY_MS) {
    throw new RemoraError(
      'bad-input',
      `A certificate cannot be valid for ${ms} ms: give one minute at least and 36500 days at most.`,
    );
  }
  return { notBefore: new Date(now.getTime() - BACKDATED_MS), notAfter: new Date(now.getTime() + ms) };
};

/** A name as certificates of ours encode it. */
export const encodedName = (name: DistinguishedName): forge.asn1.Asn1 => {
  const certificate = pki.createCertificate();
  // Fills in the types of the attributes.
  certificate.setSubject(subjectFields(name));
  return pki.distinguishedNameToAsn1(certificate.subject);
};

/** The children of a constructed ASN.1 value. */
const children = (value: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] => {
  if (value === undefined || typeof value.value === 'string') {
    throw new RemoraError('internal', 'A certificate has an unexpected ASN.1 structure.');
  }
  return value.value;
};

/** The subject as encoded, since comparing names is comparing bytes (RFC 5280, section 7.1) and re-encoding them may change some. */
export const encodedSubject = (certificate: forge.pki.Certificate): forge.asn1.Asn1 => {
  const subject = children(certificate.tbsCertificate)[TBS_SUBJECT];
  if (subject === undefined) throw new RemoraError('internal', 'A certificate has no subject.');
  return subject;
};

/** Builds and signs (SHA-256 with RSA) a version 3 certificate; answers PEM. The signature is made by node:crypto, which is far quicker. */
export const buildCertificate = (draft: CertificateDraft): string => {
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(draft.publicKeyPem);
  certificate.serialNumber = newSerial();
  certificate.validity = { notBefore: draft.notBefore, notAfter: draft.notAfter };
  certificate.setSubject(subjectFields(draft.subject));
  certificate.setIssuer(subjectFields(draft.subject));
  certificate.setExtensions([...draft.extensions]);
  const algorithm = pki.oids.sha256WithRSAEncryption;
  if (algorithm === undefined)
    throw new RemoraError('internal', 'The certificate library lacks sha256WithRSAEncryption.');
  certificate.signatureOid = algorithm;
  certificate.siginfo.algorithmOid = algorithm;
  certificate.signature = '';
  const [tbs] = children(pki.certificateToAsn1(certificate));
  if (tbs === undefined) throw new RemoraError('internal', 'The certificate library built no TBSCertificate.');
  if (draft.issuerName !== undefined) children(tbs)[TBS_ISSUER] = draft.issuerName;
  certificate.tbsCertificate = tbs;
  const signed = sign('sha256', Buffer.from(asn1.toDer(tbs).getBytes(), 'latin1'), draft.signingKey);
  certificate.signature = signed.toString('latin1');
  return pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
};
