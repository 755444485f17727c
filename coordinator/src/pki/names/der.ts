import { X509Certificate } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import forge from 'node-forge';

const { asn1 } = forge;

/** The children of a constructed ASN.1 value; none of a primitive one. */
export const childrenOf = (value: forge.asn1.Asn1 | null | undefined): readonly forge.asn1.Asn1[] =>
  value == null || typeof value.value === 'string' ? [] : value.value;

/** The content of a primitive ASN.1 value, a character a byte. */
export const contentOf = (value: forge.asn1.Asn1 | undefined): string =>
  typeof value?.value === 'string' ? value.value : '';

export const fromDer = (der: Uint8Array): forge.asn1.Asn1 => asn1.fromDer(Buffer.from(der).toString('latin1'));

export const toDer = (value: forge.asn1.Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), 'latin1');

/** Tag of the extensions in a TBSCertificate (RFC 5280, section 4.1). */
const EXTENSIONS = 3;

/**
 * The value of a certificate's extension, or null where it has none. Read from the bytes, since node-forge reads whole certificates of RSA keys only. Takes
 * PEM; throws `bad-input` for what node-forge does not read although OpenSSL does.
 */
export const extensionOf = (certificatePem: string, id: string): forge.asn1.Asn1 | null => {
  const oid = asn1.oidToDer(id).getBytes();
  try {
    const [tbs] = childrenOf(fromDer(new X509Certificate(certificatePem).raw));
    const tagged = childrenOf(tbs).find(
      ({ tagClass, type }) => tagClass === asn1.Class.CONTEXT_SPECIFIC && type === EXTENSIONS,
    );
    const all = childrenOf(childrenOf(tagged)[0]).map(childrenOf);
    const found = all.find(([name]) => contentOf(name) === oid);
    return found ? asn1.fromDer(contentOf(found.at(-1))) : null;
  } catch (error) {
    throw new RemoraError('bad-input', `The extension ${id} of a certificate cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
