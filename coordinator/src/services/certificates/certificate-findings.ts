import { coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import { type CertificateLevel, certificateLevels } from '@remora/shared/model/certificates/certificate-view.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { isSignedBy, type JudgedCertificate } from '../../pki/read/judge.ts';
import { type Finding, type Found, sslSetting } from './certificate-looks.ts';
import type { FoundFacts, KnownCertificates } from './known-certificates.ts';

/** How somebody else's certificate or CA is replaced is theirs to know. */
export interface Origin {
  /** Whether `certs rotate` replaces it. */
  readonly managed: boolean;
  readonly isCa: boolean;
  /** Name in the inventory of the CA that it is, where Remora can replace it. */
  readonly ca: string | null;
  /** How long it was wished to be valid, in ms; null where only its dates tell. */
  readonly lifeMs: number | null;
  /** See `Found`. */
  readonly replacement?: string | undefined;
}

const critical = (text: string): Finding => ({ level: 'critical', text });
const warning = (text: string): Finding => ({ level: 'warning', text });
const note = (text: string): Finding => ({ level: 'note', text });

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Less time than this is worth a word; of short lives the last third, when it should have been replaced. */
const SOON_MS = 30 * DAY_MS;

/** How long before its end a certificate or CA is worth a word. */
export const soonMs = (
  { notBefore, notAfter }: Pick<FoundFacts, 'notBefore' | 'notAfter'>,
  { lifeMs }: Pick<Origin, 'lifeMs'>,
): number => {
  const datedMs = notBefore === null ? Number.POSITIVE_INFINITY : Date.parse(notAfter) - Date.parse(notBefore);
  return Math.min(SOON_MS, (lifeMs ?? datedMs) / 3);
};

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** How long that is, in its largest unit, rounded down: `3 days`, `5 hours`, `1 minute`. */
const spanText = (ms: number): string => {
  if (ms >= DAY_MS) return counted(Math.floor(ms / DAY_MS), 'day');
  return ms >= HOUR_MS ? counted(Math.floor(ms / HOUR_MS), 'hour') : counted(Math.floor(ms / MINUTE_MS), 'minute');
};

const replacementOf = ({ managed, isCa, ca, replacement }: Origin): string => {
  if (replacement !== undefined) return replacement;
  if (isCa && ca !== null) return `\`remora ca rotate ${ca}\` puts another one in its place`;
  if (isCa) return 'put its successor beside it where it is trusted, and have new certificates signed by that';
  return managed ? '`remora certs rotate --due` replaces it' : 'have a new one made where it comes from';
};

/** Whether it ended, ends soon or has not begun. */
const dateFindings = (facts: FoundFacts, origin: Origin, now: Date): Finding[] => {
  const leftMs = Date.parse(facts.notAfter) - now.getTime();
  if (leftMs <= 0) return [critical(`It ended at ${facts.notAfter}: ${replacementOf(origin)}.`)];
  if (facts.notBefore !== null && Date.parse(facts.notBefore) > now.getTime())
    return [critical(`It begins at ${facts.notBefore} only, and nothing trusts it before: check the clocks.`)];
  return leftMs < soonMs(facts, origin) ? [warning(`It ends in ${spanText(leftMs)}: ${replacementOf(origin)}.`)] : [];
};

const isCovered = ({ node, purpose, facts, hosts }: Found): boolean => {
  // Nodes hold each other to their names only where they are told to.
  const mode = purpose === 'transport' ? sslSetting(node, purpose, 'verification_mode') : 'full';
  if (mode !== undefined && mode !== 'full') return true;
  return hosts.length === 0 || hosts.some((host) => coversAddress(facts, host));
};

const nameFindings = (found: Found): Finding[] =>
  isCovered(found)
    ? []
    : [
        note(
          `It does not cover ${found.hosts.join(' or ')}, where the node publishes this port: have one made that names it.`,
        ),
      ];

const weaknessFindings = (judged: JudgedCertificate | null, isCa: boolean): Finding[] => {
  if (judged === null) return [];
  const weaknesses = [judged.weakKey, isCa ? null : judged.weakSignature].filter((one) => one !== null);
  return weaknesses.map((weakness) => warning(`It is weak: ${weakness}. Have one made with RSA 3072 and SHA-256.`));
};

/** Null: nothing is known of a key. */
export const keyMatches = (found: Found, judged: JudgedCertificate | null): boolean | null => {
  if (found.keyDigest !== null && judged !== null) return found.keyDigest === judged.publicKeyDigest;
  // A handshake is proof: who serves a certificate has its key.
  return found.served === true ? true : null;
};

const keyFindings = (found: Found, judged: JudgedCertificate | null): Finding[] =>
  keyMatches(found, judged) === false
    ? [
        critical(
          'The key beside it is that of another certificate: no handshake succeeds once Elasticsearch has loaded the two. Put back the pair.',
        ),
      ]
    : [];

const named = (facts: FoundFacts): string => `CN=${/CN=([^,]*)/.exec(facts.subject)?.[1] ?? facts.subject}`;

const endedFindings = (subject: string, notAfter: string, now: Date): Finding[] =>
  Date.parse(notAfter) <= now.getTime()
    ? [critical(`Its CA ${subject} ended at ${notAfter}: nothing trusts what it signed any more.`)]
    : [];

/** Whether what is served leads to a CA that is known here, each signed by the next. */
const chainFindings = (found: Found, known: KnownCertificates, now: Date): Finding[] => {
  const chain = [found.facts, ...found.chain];
  const links = chain.map((facts) => ({ facts, judged: known.judged(facts) }));
  const broken = links.find(({ judged }, i) => {
    const next = links[i + 1]?.judged;
    return judged !== null && next && !isSignedBy(judged.certificate, next.certificate);
  });
  if (broken)
    return [
      critical(
        `${named(broken.facts)} is not signed by what is served after it: put the chain into the file in order.`,
      ),
    ];
  const weak = links.slice(1).flatMap(({ facts, judged }) => {
    const weakness = judged?.weakKey ?? judged?.weakSignature;
    return weakness
      ? [warning(`Its CA ${facts.subject} is weak: ${weakness}. Have its successor made with RSA 3072 and SHA-256.`)]
      : [];
  });
  const ended = links.slice(1).flatMap(({ facts }) => endedFindings(facts.subject, facts.notAfter, now));
  return [...weak, ...ended, ...issuerFindings(links.at(-1), known, now)];
};

const issuerFindings = (
  last: { readonly facts: FoundFacts; readonly judged: JudgedCertificate | null } | undefined,
  known: KnownCertificates,
  now: Date,
): Finding[] => {
  if (last === undefined || last.judged === null || last.judged.selfSigned) return [];
  const { certificate } = last.judged;
  const authorities = known.authorities(last.facts.issuer);
  if (authorities.length === 0)
    return [
      note(
        `No CA ${last.facts.issuer} is known here, so nothing tells whether it is trusted: have the certificates up to it served too, or \`remora ca import\` it.`,
      ),
    ];
  const signers = authorities.filter(({ judged }) => judged === null || isSignedBy(certificate, judged.certificate));
  if (signers.length === 0)
    return [
      warning(
        `The CA ${last.facts.issuer} that is trusted here has another key than the one that signed it: one of the two is a namesake. Place the right one.`,
      ),
    ];
  const ends = signers.map(({ notAfter }) => notAfter).sort();
  return endedFindings(last.facts.issuer, ends.at(-1) ?? '', now);
};

/** The worst of some findings. */
export const worstOf = (findings: readonly Finding[]): CertificateLevel => findings[0]?.level ?? 'ok';

/** What is wrong with a certificate, a sentence each with what to do; the worst first. */
export const findingsOf = (found: Found, origin: Origin, known: KnownCertificates, now: Date): Finding[] => {
  const judged = known.judged(found.facts);
  const findings = [
    ...dateFindings(found.facts, origin, now),
    ...keyFindings(found, judged),
    ...nameFindings(found),
    ...found.findings,
    ...weaknessFindings(judged, origin.isCa),
    ...(origin.isCa ? [] : chainFindings(found, known, now)),
  ];
  const rank = ({ level }: Finding): number => certificateLevels.indexOf(level);
  return findings.toSorted((a, b) => rank(b) - rank(a));
};
