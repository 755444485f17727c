import { parentPort, workerData } from 'node:worker_threads';
import forge from 'node-forge';

/** What a PKCS#12 file holds, as DER. Certificates that carry the local key id of a key come first. */
export interface Pkcs12Parts {
  readonly certificates: readonly Uint8Array[];
  /** PKCS#8, decrypted. */
  readonly keys: readonly Uint8Array[];
}

/** What the worker is asked, and what it answers: the parts, or why not. */
export interface Pkcs12Question {
  readonly file: Uint8Array;
  readonly passphrase: string;
}
export type Pkcs12Answer = { readonly parts: Pkcs12Parts } | { readonly problem: string };

const { asn1, pki, pkcs12 } = forge;

const derOf = (value: forge.asn1.Asn1): Uint8Array => Buffer.from(asn1.toDer(value).getBytes(), 'latin1');

const bagsOf = (file: forge.pkcs12.Pkcs12Pfx, ...types: readonly (string | undefined)[]): forge.pkcs12.Bag[] =>
  types.flatMap((type) => (type === undefined ? [] : (file.getBags({ bagType: type })[type] ?? [])));

/** The library reads certificates and keys of RSA, and hands all others on as they are. */
const certificateOf = ({ cert, asn1: raw }: forge.pkcs12.Bag): Uint8Array =>
  derOf(cert ? pki.certificateToAsn1(cert) : raw);
const keyOf = ({ key, asn1: raw }: forge.pkcs12.Bag): Uint8Array =>
  derOf(key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key)) : raw);

const read = ({ file, passphrase }: Pkcs12Question): Pkcs12Parts => {
  const content = pkcs12.pkcs12FromAsn1(asn1.fromDer(Buffer.from(file).toString('latin1')), passphrase);
  const { certBag, pkcs8ShroudedKeyBag, keyBag } = pki.oids;
  const certificates = bagsOf(content, certBag);
  const isOfKey = (bag: forge.pkcs12.Bag): boolean => Boolean(bag.attributes?.localKeyId);
  return {
    certificates: [...certificates.filter(isOfKey), ...certificates.filter((bag) => !isOfKey(bag))].map(certificateOf),
    keys: bagsOf(content, pkcs8ShroudedKeyBag, keyBag).map(keyOf),
  };
};

const answer = (): Pkcs12Answer => {
  try {
    return { parts: read(workerData as Pkcs12Question) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
};

parentPort?.postMessage(answer());
