import { RemoraError } from '@remora/shared/errors.ts';
import { canonicalIp, isHostName } from '@remora/shared/model/values/address.ts';
import forge from 'node-forge';
import { childrenOf, contentOf, extensionOf } from './der.ts';
import { ipBytes } from './ip-address.ts';

const { asn1 } = forge;

/** Names of a certificate (RFC 5280, section 4.2.1.6), each checked and in the form that comparisons use. */
export type GeneralName =
  | { readonly kind: 'DNS'; readonly value: string }
  | { readonly kind: 'IP'; readonly value: string }
  /** A common name as a SAN, by which Elasticsearch's trust restrictions (`trust.subject_name`) and Elastic Cloud know a node. */
  | { readonly kind: 'otherName'; readonly value: string };

export interface SubjectAlternativeNames {
  /** Host names; a leading `*.` stands for one label (RFC 6125, section 6.4.3). */
  readonly dns: readonly string[];
  /** IPv4 and IPv6 addresses, the latter without brackets. */
  readonly ip: readonly string[];
  /** Common names that stand as `otherName` too, of the type 2.5.4.3 that Elasticsearch looks for. */
  readonly otherNames?: readonly string[];
}

/** Context-specific tags of GeneralName. */
const TAG_OTHER_NAME = 0;
const TAG_DNS = 2;
const TAG_IP = 7;
/** id-at-commonName, the type by which Elasticsearch reads an otherName. */
const COMMON_NAME_OID = '2.5.4.3';

const refuse = (name: string, why: string): never => {
  throw new RemoraError('bad-input', `"${name}" cannot stand in a certificate: ${why}.`);
};

const dnsName = (name: string): GeneralName => {
  const host = name.replace(/^\*\./, '');
  if (!isHostName(host))
    return refuse(
      name,
      host.includes('*')
        ? 'a "*" stands for one whole label and comes first, as in *.example.com'
        : 'it is not a host name',
    );
  return { kind: 'DNS', value: name.toLowerCase() };
};

const ipName = (address: string): GeneralName => {
  const value = canonicalIp(address);
  return value === null ? refuse(address, 'it is not an IP address') : { kind: 'IP', value };
};

const otherName = (value: string): GeneralName =>
  /^[^\p{Cc}]{1,400}$/u.test(value)
    ? { kind: 'otherName', value }
    : refuse(value, 'another name has 1 to 400 characters without control characters');

/** Reads one name as people write it: `DNS:name`, `IP:address`, or either without its kind. Throws `bad-input`. */
export const parseSan = (text: string): GeneralName => {
  const [, kind, rest = ''] = /^(dns|ip):(.*)$/is.exec(text) ?? [];
  if (kind !== undefined) return kind.toLowerCase() === 'dns' ? dnsName(rest) : ipName(rest);
  if (canonicalIp(text) !== null) return ipName(text);
  if (isHostName(text.replace(/^\*\./, ''))) return dnsName(text);
  if (text.includes('*')) return dnsName(text);
  return refuse(text, 'it is neither a host name nor an IP address');
};

/** Each name once, in its order. */
const uniqueNames = (names: readonly GeneralName[]): GeneralName[] => [
  ...new Map(names.map((name) => [`${name.kind}:${name.value}`, name])).values(),
];

/** Checks all names of a wish; throws `bad-input` for the first that is none. */
export const generalNames = ({ dns, ip, otherNames = [] }: SubjectAlternativeNames): GeneralName[] =>
  uniqueNames([...dns.map(dnsName), ...ip.map(ipName), ...otherNames.map(otherName)]);

/** The other way round. */
export const alternativeNamesOf = (names: readonly GeneralName[]): Required<SubjectAlternativeNames> => {
  const of = (kind: GeneralName['kind']) => names.filter((name) => name.kind === kind).map(({ value }) => value);
  return { dns: of('DNS'), ip: of('IP'), otherNames: of('otherName') };
};

const { CONTEXT_SPECIFIC, UNIVERSAL } = asn1.Class;

const toAsn1 = ({ kind, value }: GeneralName): forge.asn1.Asn1 => {
  if (kind === 'DNS') return asn1.create(CONTEXT_SPECIFIC, TAG_DNS, false, value);
  if (kind === 'IP')
    return asn1.create(CONTEXT_SPECIFIC, TAG_IP, false, Buffer.from(ipBytes(value)).toString('latin1'));
  const oid = asn1.oidToDer(COMMON_NAME_OID).getBytes();
  return asn1.create(CONTEXT_SPECIFIC, TAG_OTHER_NAME, true, [
    asn1.create(UNIVERSAL, asn1.Type.OID, false, oid),
    asn1.create(CONTEXT_SPECIFIC, 0, true, [
      asn1.create(UNIVERSAL, asn1.Type.UTF8, false, forge.util.encodeUtf8(value)),
    ]),
  ]);
};

/** The other names of the type 2.5.4.3 in a certificate (PEM): node:crypto does not read them. */
export const otherNamesIn = (certificatePem: string): string[] =>
  childrenOf(extensionOf(certificatePem, forge.pki.oids.subjectAltName ?? ''))
    .filter(({ tagClass, type }) => tagClass === CONTEXT_SPECIFIC && Number(type) === TAG_OTHER_NAME)
    .map(childrenOf)
    .filter(([type]) => contentOf(type) === asn1.oidToDer(COMMON_NAME_OID).getBytes())
    .flatMap(([, value]) => {
      const [text] = childrenOf(value);
      // A UTF8String is decoded by the library.
      return text === undefined ? [] : [contentOf(text)];
    });

/** The SAN extension, as `setExtensions` of node-forge takes it: the library itself builds no otherName. */
export const alternativeNamesExtension = (names: readonly GeneralName[]): Readonly<Record<string, unknown>> => ({
  id: forge.pki.oids.subjectAltName,
  value: asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, names.map(toAsn1)),
});
