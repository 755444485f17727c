import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';

/** A serial number as all who write one can be compared: lower-case hex without leading zeros. */
export const bareSerial = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');

/** What Elasticsearch tells of a certificate in a store; a fingerprint is not among it. */
export interface ToldCertificate {
  readonly subject: string;
  /** Empty where Elasticsearch does not tell it. */
  readonly issuer: string;
  /** As `bareSerial` writes it. */
  readonly serial: string;
  /** ISO 8601. */
  readonly notAfter: string;
}

/** Attributes that Java and OpenSSL call the same, with values that both write as they are. */
const PLAIN_NAME = /^(?:(?:CN|OU?|C|L|ST|DC|UID)=[^\\"#+;<>=,]*(?:,|$))+$/;

/** Whether two may be one name. Java writes a blank after each comma, RFC 2253 none; a name that the two write in different ways is taken to be the same. */
const mayBeOneName = (told: string, name: string): boolean => {
  const plain = told.replaceAll(', ', ',');
  return !PLAIN_NAME.test(plain) || !PLAIN_NAME.test(name) || plain === name;
};

/** Whether what Elasticsearch tells of is this certificate. The serial number alone is not enough: whoever makes CAs by hand may give all of them the number 1. */
export const isTold = (
  told: ToldCertificate,
  facts: Pick<CertificateFacts, 'subject' | 'issuer' | 'serial' | 'notAfter'>,
): boolean =>
  told.serial === bareSerial(facts.serial) &&
  told.notAfter === facts.notAfter &&
  mayBeOneName(told.subject, facts.subject) &&
  (told.issuer === '' || mayBeOneName(told.issuer, facts.issuer));
