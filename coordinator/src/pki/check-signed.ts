import { X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { type DescribedCertificate, describeCertificate } from './describe.ts';
import { contentOf, extensionOf } from './names/der.ts';
import { WEAK_SIGNATURE } from './read/read-ca.ts';
import type { CertificateUsage } from './usages.ts';

/** What was asked for. */
export interface AskedFor {
  /** How the request is called, for sentences. */
  readonly name: string;
  readonly caName: string;
  readonly caPem: string;
  /** `DNS:…`, `IP:…` and `otherName:…`. */
  readonly sans: readonly string[];
  readonly usage: readonly CertificateUsage[];
  /** What the CA is for it, for sentences. */
  readonly caRole?: string;
}

export interface SignedCertificate {
  readonly certificatePem: string;
  /** Its issuers, nearest first; the CA that was named is the last. */
  readonly chainPem: readonly string[];
  readonly facts: DescribedCertificate;
}

const KEY_USAGE = '2.5.29.15';
const DIGITAL_SIGNATURE = 0x80;
const usageOids: Readonly<Record<CertificateUsage, string>> = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
};
const MOST_ISSUERS = 8;

const subjectOf = (pem: string): string => describeCertificate(pem).subject;

const signedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** The issuers from a certificate up to the CA, or why there is no such chain, as the end of a sentence. */
const chainTo = (
  certificate: X509Certificate,
  { caName, caPem, caRole = 'that it was requested for' }: AskedFor,
  others: readonly string[],
): readonly string[] | string => {
  const ca = new X509Certificate(caPem);
  const chain: string[] = [];
  let current = certificate;
  while (chain.length < MOST_ISSUERS) {
    if (signedBy(current, ca)) return [...chain, caPem];
    if (current.checkIssued(ca) || current.issuer === ca.subject)
      return `it names the CA "${caName}" as its issuer, but the key of that CA did not sign it: the CA is another one by now`;
    const next = others.find((pem) => {
      const one = new X509Certificate(pem);
      return one.ca && one.fingerprint256 !== current.fingerprint256 && signedBy(current, one);
    });
    if (next === undefined) break;
    chain.push(next);
    current = new X509Certificate(next);
  }
  const { issuer } = describeCertificate(current.toString());
  return `it was issued by "${issuer}", not by the CA "${caName}" ("${subjectOf(caPem)}") ${caRole}`;
};

const difference = (asked: readonly string[], found: readonly string[]): string | null => {
  const missing = asked.filter((name) => !found.includes(name));
  if (missing.length > 0) return `it does not have ${missing.join(', ')}`;
  const more = found.filter((name) => !asked.includes(name));
  return more.length > 0 ? `it has ${more.join(', ')}, which nobody asked for` : null;
};

const usageProblem = (certificate: X509Certificate, usage: readonly CertificateUsage[]): string | null => {
  // Of node:crypto, this is the extended key usage; undefined where there is none, and then every use is allowed.
  const extended: readonly string[] | undefined = certificate.keyUsage;
  const missing = usage.find((one) => extended && !extended.includes(usageOids[one]));
  if (missing !== undefined) return `it may not be used by a ${missing} (extended key usage)`;
  const bits = extensionOf(certificate.toString(), KEY_USAGE);
  // The first byte of a bit string counts its unused bits.
  const signs = bits === null || (contentOf(bits).charCodeAt(1) & DIGITAL_SIGNATURE) !== 0;
  return signs ? null : 'its key may not make signatures (key usage)';
};

const problemOf = (
  certificate: X509Certificate,
  facts: DescribedCertificate,
  asked: AskedFor,
  now: Date,
): string | null => {
  if (facts.isCa) return 'it is the certificate of a CA';
  if (certificate.validToDate <= now) return `it ended at ${facts.notAfter}`;
  if (certificate.validFromDate > now) return `it begins at ${facts.notBefore} only`;
  if (WEAK_SIGNATURE.test(certificate.signatureAlgorithm ?? ''))
    return `it is signed with ${certificate.signatureAlgorithm}, which counts as broken`;
  return difference(asked.sans, facts.sans) ?? usageProblem(certificate, asked.usage);
};

/** Whoever checks the certificate checks those above it too; how a root signed itself is nobody's concern. */
const issuerProblem = (chain: readonly string[], now: Date): string | null => {
  for (const pem of chain) {
    const issuer = new X509Certificate(pem);
    const what = `its issuer "${subjectOf(pem)}"`;
    if (issuer.validToDate <= now) return `${what} ended at ${issuer.validToDate.toISOString()}`;
    if (issuer.validFromDate > now) return `${what} begins at ${issuer.validFromDate.toISOString()} only`;
    if (issuer.issuer !== issuer.subject && WEAK_SIGNATURE.test(issuer.signatureAlgorithm ?? ''))
      return `${what} is signed with ${issuer.signatureAlgorithm}, which counts as broken`;
  }
  return null;
};

/** The same check; answers what is wrong as the end of a sentence. */
export const judgeSigned = (
  certificatePem: string,
  others: readonly string[],
  asked: AskedFor,
  now: Date,
): SignedCertificate | string => {
  const certificate = new X509Certificate(certificatePem);
  const facts = describeCertificate(certificatePem);
  const chain = chainTo(certificate, asked, others);
  if (typeof chain === 'string') return chain;
  return (
    problemOf(certificate, facts, asked, now) ?? issuerProblem(chain, now) ?? { certificatePem, chainPem: chain, facts }
  );
};

/**
 * Checks a certificate that was signed elsewhere against what was asked for; that it is for the key of the request is known. `others` are further certificates
 * that came with it, where its intermediate CAs are looked for. Throws `bad-input` with a sentence.
 */
export const checkSigned = (
  certificatePem: string,
  others: readonly string[],
  asked: AskedFor,
  now: Date,
): SignedCertificate => {
  const why = judgeSigned(certificatePem, others, asked, now);
  if (typeof why !== 'string') return why;
  throw new RemoraError('bad-input', `The certificate for "${asked.name}" is not taken: ${why}.`, {
    hint: 'Have the request signed again as it is, or make another one with `remora certs csr`.',
  });
};
