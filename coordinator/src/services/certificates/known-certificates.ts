import { rootCertificates } from 'node:tls';
import type { SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';
import type { NodeCertificates } from '../../observe/certificates/observe-certificates.ts';
import type { ConfiguredCertificate } from '../../observe/certificates/ssl-certificates.ts';
import { describeCertificate, parsePemBundle } from '../../pki/describe.ts';
import { type JudgedCertificate, judgeCertificate } from '../../pki/read/judge.ts';
import type { CaRecord, CertificateRecord } from '../../plan/records.ts';

/** A certificate of which not everything need be known: of those in others' keystores Elasticsearch tells neither fingerprint nor names. */
export type FoundFacts = Omit<SeenCertificate, 'notBefore' | 'fingerprint256'> & {
  readonly notBefore: string | null;
  readonly fingerprint256: string | null;
};

/** A CA that something here trusts or uses. */
interface Authority {
  readonly subject: string;
  readonly notAfter: string;
  /** Null where only its name is known. */
  readonly judged: JudgedCertificate | null;
}

/** All certificates that were seen anywhere, to complete what is known of one and to find the CA of another. */
export interface KnownCertificates {
  /** What is known of a certificate that Elasticsearch told of. */
  whole(entry: ConfiguredCertificate): FoundFacts;
  /** What tells whether it can be relied on; null where the certificate itself was not seen. */
  judged(facts: FoundFacts): JudgedCertificate | null;
  /** CAs with this name, as RFC 2253 writes it, each once, however many nodes have it: a signature is tried with every one. */
  authorities(subject: string): readonly Authority[];
}

const keyOf = ({ serial, notAfter }: { readonly serial: string; readonly notAfter: string }): string =>
  `${serial.replace(/^0+/, '')} ${notAfter}`;

/** By fingerprint where both have one; else a serial number that ends at the same second is the same certificate. */
export const sameCertificate = (a: FoundFacts, b: FoundFacts): boolean =>
  a.fingerprint256 !== null && b.fingerprint256 !== null
    ? a.fingerprint256 === b.fingerprint256
    : keyOf(a) === keyOf(b);

/** Java writes a blank after each comma of a name, RFC 2253 none. */
const plainName = (name: string): string => name.replaceAll(', ', ',');

const authorityOf = (pem: string): Authority => {
  const { subject, notAfter } = describeCertificate(pem);
  return { subject, notAfter, judged: judgeCertificate(pem) };
};

/** Public CAs, as Node has them. Parsed once, when the issuer of something is found nowhere else. */
let publicRoots: ReadonlyMap<string, Authority[]> | undefined;
const publicAuthorities = (subject: string): readonly Authority[] => {
  publicRoots ??= Map.groupBy(rootCertificates.map(authorityOf), (one) => one.subject);
  return publicRoots.get(subject) ?? [];
};

interface Sources {
  readonly nodes: readonly NodeCertificates[];
  readonly records: readonly CertificateRecord[];
  readonly cas: readonly CaRecord[];
  /** PEM of the CAs by which Remora itself checks the HTTPS of clusters. */
  readonly clusterCas: readonly string[];
}

const authoritiesOf = ({ nodes, cas, clusterCas }: Sources, judged: KnownCertificates['judged']): Authority[] => [
  ...cas.map(({ facts }) => ({ ...facts, judged: judged(facts) })),
  ...clusterCas.flatMap((pem) => parsePemBundle(pem)).map(authorityOf),
  ...nodes.flatMap(({ facts, configured }) => [
    ...(facts?.files ?? []).flatMap(({ certificates }) =>
      certificates.map((one) => ({ subject: one.subject, notAfter: one.notAfter, judged: judged(one) })),
    ),
    ...configured
      .filter(({ hasPrivateKey }) => !hasPrivateKey)
      .map(({ subject, notAfter }) => ({ subject: plainName(subject), notAfter, judged: null })),
  ]),
];

const distinct = (authorities: readonly Authority[]): Iterable<Authority> =>
  new Map(
    authorities.map((one) => {
      const { subject, notAfter, judged } = one;
      return [`${judged?.certificate.fingerprint256 ?? ''} ${notAfter} ${subject}`, one];
    }),
  ).values();

/** Gathers what was seen anywhere. Each certificate is parsed once, however many nodes have it. */
export const knownCertificates = (sources: Sources): KnownCertificates => {
  const { nodes, records, cas } = sources;
  const seen: readonly SeenCertificate[] = [
    ...nodes.flatMap(({ facts, served }) => [
      ...(facts?.files ?? []).flatMap(({ certificates }) => certificates),
      ...served.flatMap(({ chain }) => chain),
    ]),
    ...[...records, ...cas].map(({ facts }) => facts),
  ];
  const byKey = new Map(seen.map((one) => [keyOf(one), one]));
  const ders = new Map(seen.flatMap(({ fingerprint256, der }) => (der === undefined ? [] : [[fingerprint256, der]])));
  const verdicts = new Map(cas.map((ca) => [ca.facts.fingerprint256, judgeCertificate(ca.certificatePem)]));
  const judged: KnownCertificates['judged'] = ({ fingerprint256 }) => {
    if (fingerprint256 === null) return null;
    const [before, der] = [verdicts.get(fingerprint256), ders.get(fingerprint256)];
    if (before !== undefined || der === undefined) return before ?? null;
    const verdict = judgeCertificate(Buffer.from(der, 'base64'));
    verdicts.set(fingerprint256, verdict);
    return verdict;
  };
  const bySubject = Map.groupBy(distinct(authoritiesOf(sources, judged)), ({ subject }) => subject);
  return {
    judged,
    whole: ({ subject, issuer, serial, notAfter }) =>
      byKey.get(keyOf({ serial, notAfter })) ?? {
        ...{ subject: plainName(subject), issuer: plainName(issuer), serial, notAfter },
        ...{ sans: [], notBefore: null, fingerprint256: null },
      },
    authorities: (subject) => bySubject.get(subject) ?? publicAuthorities(subject),
  };
};
