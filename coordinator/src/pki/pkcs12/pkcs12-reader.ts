import { RemoraError } from '@remora/shared/errors.ts';
import forge from 'node-forge';

/** The certificate, PEM, that belongs to the private key of a PKCS#12 file of ours. Throws `internal` when there is none: we made the file. */
export const leafOfPkcs12 = (file: Buffer, password: string): string => {
  const p12 = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(file.toString('latin1')), password);
  const certificateBag = forge.pki.oids.certBag as string;
  const bags = p12.getBags({ bagType: certificateBag })[certificateBag] ?? [];
  // The key's own certificate carries the local key id that ties the two together; its chain carries none.
  const leaf = bags.find((bag) => bag.cert && bag.attributes.localKeyId)?.cert;
  if (!leaf) throw new RemoraError('internal', 'A PKCS#12 file that Remora made has no certificate for its key.');
  return forge.pki.certificateToPem(leaf);
};
