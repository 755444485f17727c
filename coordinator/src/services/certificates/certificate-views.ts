import type { X509Certificate } from 'node:crypto';
import {
  type CertificateList,
  type CertificateView,
  isCaPurpose,
} from '@remora/shared/model/certificates/certificate-view.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import type { NodeCertificates } from '../../observe/certificates/observe-certificates.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { isSignedBy } from '../../pki/read/judge.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import type { CaRecord, CertificateRecord, SigningCertificateRecord } from '../../plan/records.ts';
import { findingsOf, keyMatches, worstOf } from './certificate-findings.ts';
import { type CertificateIndex, certificateIndex } from './certificate-index.ts';
import { type Found, fileOf, lookAtNode } from './certificate-looks.ts';
import { type FoundFacts, type KnownCertificates, knownCertificates } from './known-certificates.ts';
import { lookAtSigners } from './signer-looks.ts';

export interface CertificatesKnown {
  readonly nodes: readonly NodeCertificates[];
  /** Those that Remora made. */
  readonly records: readonly CertificateRecord[];
  /** Those of them with which nodes sign. */
  readonly signers: readonly SigningCertificateRecord[];
  readonly cas: readonly CaRecord[];
  /** PEM of the CAs by which Remora itself checks the HTTPS of clusters. */
  readonly clusterCas: readonly string[];
  readonly now: Date;
}

/** Whether a CA signed this, as far as both certificates are known. */
const hasSigned = (ca: CaRecord, facts: FoundFacts, known: KnownCertificates): boolean => {
  const [judged, signer] = [known.judged(facts), known.judged(ca.facts)];
  return judged === null || signer === null || isSignedBy(judged.certificate, signer.certificate);
};

/** The CA of the inventory that a certificate is or leads to: the nearest of what is sent with it, else the one that signed the last of that. */
const caOf = ({ facts, chain }: Found, index: CertificateIndex, known: KnownCertificates): CaRecord | undefined => {
  const links: readonly FoundFacts[] = [facts, ...chain];
  const last = links.at(-1) ?? facts;
  return (
    links.flatMap(({ fingerprint256 }) => index.caWith(fingerprint256) ?? [])[0] ??
    index.casNamed(last.issuer).find((ca) => hasSigned(ca, last, known))
  );
};

/** Whether Remora placed it: its agent knows the file, or it was issued for this port by the CA that Remora uses there. */
const isManaged = (found: Found, ca: CaRecord | undefined, index: CertificateIndex): boolean => {
  const { node, purpose, facts, path } = found;
  const record = index.recordsOf(node).find((one) => one.purpose === purpose);
  if (record !== undefined) return record.facts.fingerprint256 === facts.fingerprint256 || record.ca === ca?.name;
  const file = path === null ? undefined : fileOf(node, path);
  return ca !== undefined && file?.source != null;
};

/** Agents do not read other names, by which trust restrictions know a node. */
const sansOf = ({ sans }: FoundFacts, certificate: X509Certificate | undefined): string[] =>
  certificate?.subjectAltName?.includes('othername:') ? describeCertificate(certificate.raw).sans : sans;

const viewOf = (found: Found, index: CertificateIndex, known: KnownCertificates, now: Date): CertificateView => {
  const { node, purpose, path, served, chain, replacement } = found;
  const { der: _, ...facts } = found.facts;
  const judged = known.judged(facts);
  const daysLeft = Math.floor((Date.parse(facts.notAfter) - now.getTime()) / DAY_MS);
  const ca = caOf(found, index, known);
  const managed = isManaged(found, ca, index);
  const lifeMs = index.recordWith(facts.fingerprint256)?.validityMs ?? null;
  // Only remote clusters have CAs that Remora can replace by another.
  const isReplaceable = purpose === 'remote_cluster_client_ca' && ca?.facts.fingerprint256 === facts.fingerprint256;
  const itsCa = isReplaceable && ca?.key ? ca.name : null;
  const origin = { managed, isCa: isCaPurpose(purpose), ca: itsCa, lifeMs, replacement };
  const findings = findingsOf(found, origin, known, now);
  return {
    ...{ node: node.node, cluster: node.cluster, purpose, ...facts, daysLeft, path, served },
    sans: sansOf(facts, judged?.certificate),
    chain: chain.map(({ subject }) => subject),
    ca: ca?.name ?? null,
    managed,
    ...{ key: judged?.key ?? null, signature: judged?.signature ?? null, keyMatches: keyMatches(found, judged) },
    ...{ level: worstOf(findings), findings: findings.map(({ text }) => text) },
  };
};

/** Every certificate of every node, the one that ends next first. Pure. */
export const certificateViews = (sources: CertificatesKnown): CertificateList => {
  const known = knownCertificates(sources);
  const index = certificateIndex(sources.records, sources.cas);
  const signers = Map.groupBy(sources.signers, nodeKey);
  const looks = sources.nodes.map((node) => {
    const { found, problems } = lookAtNode(node, index.recordsOf(node), known);
    return { node, found: [...found, ...lookAtSigners(node, signers.get(nodeKey(node)) ?? [])], problems };
  });
  const views = looks.flatMap(({ found }) => found).map((found) => viewOf(found, index, known, sources.now));
  const keyOf = ({ cluster, node, purpose }: CertificateView): string => `${cluster}/${node}/${purpose}`;
  return {
    certificates: views.sort(
      (a, b) => a.notAfter.localeCompare(b.notAfter) || keyOf(a).localeCompare(keyOf(b), 'en', { numeric: true }),
    ),
    problems: looks.flatMap(({ node, problems }) =>
      [...node.problems, ...problems].map((problem) => `Node ${node.node} of cluster ${node.cluster}: ${problem}`),
    ),
  };
};
