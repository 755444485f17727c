import { sign } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import forge from 'node-forge';
import { type DistinguishedName, subjectFields } from './certificate-builder.ts';
import { type KeyPair, parseRsaPrivateKey } from './keys.ts';
import { toDer } from './names/der.ts';
import { alternativeNamesExtension, type GeneralName } from './names/general-names.ts';
import { type CertificateUsage, usageExtensions } from './usages.ts';

const { pki } = forge;

/** The library has this function, its type description has not. */
const { getCertificationRequestInfo: infoOf } = pki as typeof pki & {
  readonly getCertificationRequestInfo: (request: forge.pki.CertificateSigningRequest) => forge.asn1.Asn1;
};

/** A certificate signing request (PKCS#10, RFC 2986) with the names and usages as extensions that are asked for; PEM. */
export const signingRequest = (wish: {
  readonly keys: KeyPair;
  readonly subject: DistinguishedName;
  readonly names: readonly GeneralName[];
  readonly usage: readonly CertificateUsage[];
}): string => {
  const request = pki.createCertificationRequest();
  request.publicKey = pki.publicKeyFromPem(wish.keys.publicKeyPem);
  request.setSubject(subjectFields(wish.subject));
  const names = wish.names.length === 0 ? [] : [alternativeNamesExtension(wish.names)];
  request.setAttributes([{ name: 'extensionRequest', extensions: [...usageExtensions(wish.usage), ...names] }]);
  const algorithm = pki.oids.sha256WithRSAEncryption;
  if (algorithm === undefined)
    throw new RemoraError('internal', 'The certificate library lacks sha256WithRSAEncryption.');
  request.signatureOid = algorithm;
  request.siginfo.algorithmOid = algorithm;
  const info = infoOf(request);
  request.certificationRequestInfo = info;
  // Signed by node:crypto, which is far quicker.
  const signed = sign('sha256', toDer(info), parseRsaPrivateKey(wish.keys.privateKeyPem));
  request.signature = signed.toString('latin1');
  return pki.certificationRequestToPem(request).replaceAll('\r\n', '\n');
};
