import { createHmac, createPrivateKey, hash, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import forge from 'node-forge';
import { isKeyOf } from '../ca.ts';
import { fromDer, toDer } from '../names/der.ts';
import { macKey } from './pkcs12-mac.ts';

const { asn1, pki } = forge;

/** How the key is encrypted: `aes256` is PBES2, `legacy` is PBE with SHA-1 and 3DES, which every Java reads. */
export type Pkcs12Encryption = 'aes256' | 'legacy';

export interface Pkcs12Content {
  readonly certificatePem: string;
  /** The issuers, nearest first. */
  readonly chainPem: readonly string[];
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
  /** ASCII: Java and OpenSSL disagree on how other characters are encoded. */
  readonly password: string;
  /** The entry's alias in Java. */
  readonly friendlyName: string;
  /** Default: `aes256`. */
  readonly encryption?: Pkcs12Encryption;
}

/** 192 random bits in 32 characters that need no quoting anywhere. */
export const newPassword = (): string => randomBytes(24).toString('base64url');

/** As OpenSSL does it by default. */
const ITERATIONS = 2048;
const SALT_BYTES = 16;
const digestOf = { aes256: 'sha256', legacy: 'sha1' } as const;

const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;
const { Type } = asn1;

const sequence = (...items: forge.asn1.Asn1[]) => asn1.create(UNIVERSAL, Type.SEQUENCE, true, items);
const set = (...items: forge.asn1.Asn1[]) => asn1.create(UNIVERSAL, Type.SET, true, items);
const explicit = (item: forge.asn1.Asn1) => asn1.create(CONTEXT_SPECIFIC, 0, true, [item]);
const octets = (bytes: Buffer) => asn1.create(UNIVERSAL, Type.OCTETSTRING, false, bytes.toString('latin1'));
const integer = (value: number) => asn1.create(UNIVERSAL, Type.INTEGER, false, asn1.integerToDer(value).getBytes());
const oid = (name: keyof typeof pki.oids) =>
  asn1.create(UNIVERSAL, Type.OID, false, asn1.oidToDer(pki.oids[name] ?? '').getBytes());
/** The library encodes the characters itself. */
const bmp = (text: string) => asn1.create(UNIVERSAL, Type.BMPSTRING, false, text);

/** ContentInfo with plain data (RFC 5652, sections 3 and 4). */
const data = (content: Buffer) => sequence(oid('data'), explicit(octets(content)));

const safe = (...bags: forge.asn1.Asn1[]) => data(toDer(sequence(...bags)));

const certificateBag = (certificate: X509Certificate, attributes: readonly forge.asn1.Asn1[]) =>
  sequence(
    oid('certBag'),
    explicit(sequence(oid('x509Certificate'), explicit(octets(certificate.raw)))),
    ...(attributes.length === 0 ? [] : [set(...attributes)]),
  );

/** EncryptedPrivateKeyInfo. node:crypto encrypts by PBES2 only, and far quicker. */
const encrypted = (key: KeyObject, { password, encryption }: Pkcs12Content): forge.asn1.Asn1 => {
  if (encryption !== 'legacy')
    return fromDer(key.export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: password }));
  const plain = fromDer(key.export({ format: 'der', type: 'pkcs8' }));
  return pki.encryptPrivateKeyInfo(plain, password, { algorithm: '3des', count: ITERATIONS });
};

const macData = (authenticated: Buffer, { password, encryption = 'aes256' }: Pkcs12Content): forge.asn1.Asn1 => {
  const digest = digestOf[encryption];
  const salt = randomBytes(SALT_BYTES);
  const key = macKey({ digest, password, salt, iterations: ITERATIONS });
  const mac = createHmac(digest, key).update(authenticated).digest();
  const algorithm = sequence(oid(digest), asn1.create(UNIVERSAL, Type.NULL, false, ''));
  return sequence(sequence(algorithm, octets(mac)), octets(salt), integer(ITERATIONS));
};

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', message);
};

/**
 * A PKCS#12 file (RFC 7292) with one private key, encrypted, and its chain, which is not. Encrypted as `aes256`, Java 8u301 and later and OpenSSL 1.1 and later
 * read it. It has no trusted entries: as a truststore Elasticsearch would refuse it. Throws `bad-input` when key and certificate do not belong together.
 */
export const toPkcs12 = (content: Pkcs12Content): Buffer => {
  if (!/^[\x20-\x7e]+$/.test(content.password))
    return refuse('The password of a PKCS#12 file must consist of printable ASCII characters.');
  if (!isKeyOf(content.privateKeyPem, content.certificatePem))
    return refuse('The private key for the PKCS#12 file is not the one of its certificate.');
  const own = new X509Certificate(content.certificatePem);
  // Ties the key to its certificate.
  const attributes = [
    sequence(oid('localKeyId'), set(octets(hash('sha1', own.raw, 'buffer')))),
    sequence(oid('friendlyName'), set(bmp(content.friendlyName))),
  ];
  const chain = content.chainPem.map((pem) => certificateBag(new X509Certificate(pem), []));
  const key = encrypted(createPrivateKey(content.privateKeyPem), content);
  const keyBag = sequence(oid('pkcs8ShroudedKeyBag'), explicit(key), set(...attributes));
  const authenticated = toDer(sequence(safe(certificateBag(own, attributes), ...chain), safe(keyBag)));
  return toDer(sequence(integer(3), data(authenticated), macData(authenticated, content)));
};
