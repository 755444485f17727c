import type { FileForm } from '@remora/shared/model/certificates/issue-request.ts';
import { toPemPair } from './pem-pair.ts';
import { newPassword, toPkcs12 } from './pkcs12/pkcs12.ts';

/** A certificate whose key is here. */
export interface KeyedCertificate {
  /** What its files are called, and its alias in Java. */
  readonly name: string;
  readonly certificatePem: string;
  /** The issuers, nearest first. */
  readonly chainPem: readonly string[];
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
}

export interface NamedFile {
  readonly name: string;
  readonly content: Buffer;
  /** Holds a key or a password. */
  readonly secret: boolean;
}

const secretText = (name: string, text: string): NamedFile => ({ name, content: Buffer.from(text), secret: true });

const pemFiles = (certificate: KeyedCertificate, { encryptKey, password: given }: FileForm): NamedFile[] => {
  const { name } = certificate;
  const password = encryptKey ? (given ?? newPassword()) : null;
  const pair = toPemPair({ ...certificate, passphrase: password });
  return [
    { name: `${name}.crt`, content: Buffer.from(pair.certificate), secret: false },
    secretText(`${name}.key`, pair.key),
    ...(password === null || given !== undefined ? [] : [secretText(`${name}.password`, `${password}\n`)]),
  ];
};

/** The files of a certificate and its key, and that of the password where it is a new one. Throws `bad-input` for a password that is not ASCII. */
export const certificateFiles = (certificate: KeyedCertificate, form: FileForm): NamedFile[] => {
  if (form.format === 'pem') return pemFiles(certificate, form);
  const { name } = certificate;
  const password = form.password ?? newPassword();
  const encryption = form.legacyEncryption ? 'legacy' : 'aes256';
  const content = toPkcs12({ ...certificate, password, friendlyName: name, encryption });
  return [
    { name: `${name}.p12`, content, secret: true },
    ...(form.password === undefined ? [secretText(`${name}.password`, `${password}\n`)] : []),
  ];
};
