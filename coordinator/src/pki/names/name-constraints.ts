import { RemoraError } from '@remora/shared/errors.ts';
import { canonicalIp, isHostName } from '@remora/shared/model/values/address.ts';
import forge from 'node-forge';
import { childrenOf, contentOf, extensionOf, toDer } from './der.ts';
import type { GeneralName } from './general-names.ts';
import { ipBytes, ipOfBytes } from './ip-address.ts';

const { asn1 } = forge;

/** Which names a CA may certify (RFC 5280, section 4.2.1.10). Names of a kind that no permitted subtree is of are not restricted by these. */
export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

export type Subtree =
  /** The name and all below it; with a leading dot only those below it; the empty one is every name. */
  | { readonly kind: 'DNS'; readonly value: string }
  /** `10.0.0.0/8`, as bytes: the address, then the mask. */
  | {
      readonly kind: 'IP';
      readonly value: string;
      readonly address: readonly number[];
      readonly mask: readonly number[];
    }
  /** Subjects that begin with these relative names, each in DER. */
  | { readonly kind: 'subject'; readonly names: readonly string[] }
  /** Kinds of names that Remora puts into no certificate, by the tag of GeneralName. */
  | { readonly kind: 'unknown'; readonly tag: number };

const NAME_CONSTRAINTS = '2.5.29.30';
const PERMITTED = 0;
const EXCLUDED = 1;
const TAG_OTHER_NAME = 0;
const TAG_DNS = 2;
const TAG_DIRECTORY = 4;
const TAG_IP = 7;

const refuse = (flag: string, text: string, why: string): never => {
  throw new RemoraError('bad-input', `${flag} ${text}: ${why}.`, {
    hint: 'Write DNS:example.com for a name and all below it, or IP:10.0.0.0/8 for addresses.',
  });
};

const maskOf = (bits: number, length: number): number[] =>
  Array.from({ length }, (_, index) => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - index * 8))));

const addresses = (flag: string, text: string, range: string): Subtree => {
  const [, host = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
  const ip = canonicalIp(host);
  if (ip === null) return refuse(flag, text, 'that is no range of IP addresses');
  const address = ipBytes(ip);
  const longest = address.length * 8;
  const prefix = bits === undefined ? longest : Number(bits);
  if (prefix > longest) return refuse(flag, text, `an address of this kind has ${longest} bits, not ${prefix}`);
  const mask = maskOf(prefix, address.length);
  if (address.some((byte, index) => (byte & ~(mask[index] ?? 0) & 0xff) !== 0))
    return refuse(flag, text, `the address goes on behind its ${prefix} bits`);
  return { kind: 'IP', value: `${ip}/${prefix}`, address, mask };
};

/** Reads `DNS:example.com` or `IP:10.0.0.0/8`; `flag` begins the sentence of an error (`bad-input`). */
export const parseSubtree = (text: string, flag: string): Subtree => {
  const [, kind = '', rest = ''] = /^(DNS|IP):(.*)$/i.exec(text) ?? [];
  if (kind.toUpperCase() === 'IP') return addresses(flag, text, rest);
  if (kind === '') return refuse(flag, text, 'it does not begin with DNS: or IP:');
  if (/^\*?\./.test(rest))
    return refuse(flag, text, 'without "*" and leading dot it holds for the name and for every name below it');
  if (!isHostName(rest)) return refuse(flag, text, 'that is not a host name');
  return { kind: 'DNS', value: rest.toLowerCase() };
};

const tagged = (tag: number, content: string): forge.asn1.Asn1 =>
  asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, content);

const sequence = (items: forge.asn1.Asn1[]): forge.asn1.Asn1 =>
  asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, items);

const subtreeToAsn1 = (subtree: Subtree): forge.asn1.Asn1 => {
  if (subtree.kind === 'DNS') return sequence([tagged(TAG_DNS, subtree.value)]);
  if (subtree.kind !== 'IP')
    throw new RemoraError('internal', `Name constraints of the kind ${subtree.kind} cannot be written.`);
  return sequence([tagged(TAG_IP, Buffer.from([...subtree.address, ...subtree.mask]).toString('latin1'))]);
};

/** The extension, critical as RFC 5280 asks, in the form that `setExtensions` of node-forge takes; none without constraints. */
export const nameConstraintsExtension = ({
  permitted,
  excluded,
}: NameConstraints): readonly Readonly<Record<string, unknown>>[] => {
  const lists = [
    { tag: PERMITTED, subtrees: permitted },
    { tag: EXCLUDED, subtrees: excluded },
  ].filter(({ subtrees }) => subtrees.length > 0);
  if (lists.length === 0) return [];
  const value = sequence(
    lists.map(({ tag, subtrees }) => asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, subtrees.map(subtreeToAsn1))),
  );
  return [{ id: NAME_CONSTRAINTS, critical: true, value }];
};

/** An address and its mask, as text; a mask that is no prefix is written out. */
const rangeText = (address: readonly number[], mask: readonly number[]): string => {
  const bits = mask.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const prefix = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  const isPrefix = !bits.slice(prefix).includes('1');
  return `${ipOfBytes(address)}/${isPrefix ? prefix : mask.join('.')}`;
};

const subtreeOf = (subtree: forge.asn1.Asn1): Subtree => {
  const [base] = childrenOf(subtree);
  const tag = base?.type ?? -1;
  if (tag === TAG_DNS) return { kind: 'DNS', value: contentOf(base).toLowerCase() };
  const bytes = [...Buffer.from(contentOf(base), 'latin1')];
  if (tag === TAG_IP && (bytes.length === 8 || bytes.length === 32)) {
    const address = bytes.slice(0, bytes.length / 2);
    const mask = bytes.slice(bytes.length / 2);
    return { kind: 'IP', value: rangeText(address, mask), address, mask };
  }
  if (tag !== TAG_DIRECTORY) return { kind: 'unknown', tag };
  return { kind: 'subject', names: childrenOf(childrenOf(base)[0]).map((name) => toDer(name).toString('hex')) };
};

/** What a CA's certificate (PEM) restricts; null where it restricts nothing. Throws `bad-input` for one that cannot be read. */
export const nameConstraintsOf = (certificatePem: string): NameConstraints | null => {
  const extension = extensionOf(certificatePem, NAME_CONSTRAINTS);
  if (extension === null) return null;
  const subtrees = (tag: number): Subtree[] =>
    childrenOf(extension)
      .filter(({ type }) => Number(type) === tag)
      .flatMap(childrenOf)
      .map(subtreeOf);
  return { permitted: subtrees(PERMITTED), excluded: subtrees(EXCLUDED) };
};

/** As `ca list` and errors show them. */
export const shownSubtree = (subtree: Subtree): string => {
  if (subtree.kind === 'subject') return 'certain subjects';
  return subtree.kind === 'unknown' ? `names of kind ${subtree.tag}` : `${subtree.kind}:${subtree.value}`;
};

/** What is judged: names of the certificate, and its subject as relative names in DER. */
interface Judged {
  readonly names: readonly GeneralName[];
  readonly subject: readonly string[];
}

const isBelow = (name: string, tree: string): boolean =>
  tree === '' || name === tree || name.endsWith(tree.startsWith('.') ? tree : `.${tree}`);

const isWithin = (name: GeneralName, tree: Subtree): boolean => {
  if (name.kind === 'DNS' && tree.kind === 'DNS') return isBelow(name.value, tree.value);
  if (name.kind !== 'IP' || tree.kind !== 'IP') return false;
  const bytes = ipBytes(name.value);
  return (
    bytes.length === tree.address.length &&
    bytes.every((byte, index) => ((byte ^ (tree.address[index] ?? 0)) & (tree.mask[index] ?? 0)) === 0)
  );
};

/** A wildcard reaches into what lies below it too. */
const reaches = (name: GeneralName, tree: Subtree): boolean =>
  isWithin(name, tree) ||
  (name.kind === 'DNS' &&
    tree.kind === 'DNS' &&
    name.value.startsWith('*.') &&
    tree.value.replace(/^\./, '').endsWith(name.value.slice(1)));

const begins = (subject: readonly string[], tree: Subtree): boolean =>
  tree.kind === 'subject' && tree.names.every((name, index) => subject[index] === name);

const list = (subtrees: readonly Subtree[]): string => subtrees.map(shownSubtree).join(', ');

const whyNotName = (name: GeneralName, { permitted, excluded }: NameConstraints): string | null => {
  const shown = `${name.kind}:${name.value}`;
  const tag = { DNS: TAG_DNS, IP: TAG_IP, otherName: TAG_OTHER_NAME }[name.kind];
  if ([...permitted, ...excluded].some((tree) => tree.kind === 'unknown' && tree.tag === tag))
    return `it restricts names like ${shown} in a way that cannot be checked here`;
  const barrier = excluded.find((tree) => reaches(name, tree));
  if (barrier) return `${shown} is among what it excludes, ${shownSubtree(barrier)}`;
  const same = permitted.filter((tree) => tree.kind === name.kind);
  if (same.length === 0 || same.some((tree) => isWithin(name, tree))) return null;
  return `${shown} is not within what it permits, ${list(same)}`;
};

/** Why a CA with these constraints must not certify that, as the end of a sentence; null when it may. */
export const whyForbidden = (constraints: NameConstraints, { names, subject }: Judged): string | null => {
  for (const name of names) {
    const why = whyNotName(name, constraints);
    if (why !== null) return why;
  }
  if (constraints.excluded.some((tree) => begins(subject, tree))) return 'it excludes the subject';
  const subjects = constraints.permitted.filter(({ kind }) => kind === 'subject');
  if (subjects.length === 0 || subjects.some((tree) => begins(subject, tree))) return null;
  return 'its certificates need a subject that begins as it permits, which Remora cannot give them';
};
