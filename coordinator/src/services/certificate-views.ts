import type { CertificateFacts } from '@remora/shared/model/certificate.ts';
import type { CertificateList, CertificatePurpose, CertificateView } from '@remora/shared/model/certificate-view.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import {
  type NodeCertificates,
  pathsIn,
  type ServedCertificate,
  type ServingPurpose,
  sslPrefix,
} from '../observe/observe-certificates.ts';
import { coversAddress } from '../pki/describe.ts';
import type { CaRecord, CertificateRecord } from '../plan/records.ts';

export interface CertificatesKnown {
  readonly nodes: readonly NodeCertificates[];
  /** Those that Remora made. */
  readonly records: readonly CertificateRecord[];
  readonly cas: readonly CaRecord[];
  readonly now: Date;
}

/** A certificate as it was found, before it is judged. */
interface Found {
  readonly node: NodeCertificates;
  readonly purpose: CertificatePurpose;
  readonly facts: CertificateFacts;
  readonly path: string | null;
  readonly served: boolean | null;
  readonly chain: readonly CertificateFacts[];
  readonly findings: readonly string[];
}

const DAY_MS = 86_400_000;
/** Fewer days than this are worth a word. */
const SOON_DAYS = 30;

type FileFacts = NodeFacts['files'][number];

const valuesOf = ({ facts }: NodeCertificates): NodeFacts['settingsFile']['values'] => facts?.settingsFile.values ?? {};

const fileOf = ({ facts }: NodeCertificates, path: string): FileFacts | undefined =>
  facts?.files.find((file) => file.path === path);

/** The certificate that stands in a file: read from PEM; of a PKCS#12 file that Remora made and nobody changed since, from its record. */
const leafIn = (file: FileFacts | undefined, record: CertificateRecord | undefined): CertificateFacts | null => {
  if (file === undefined || file.digest === null) return null;
  if (record !== undefined && file.source === record.p12Secret) return record.facts;
  return file.certificates[0] ?? null;
};

const missing = (path: string): string => `The file ${path} is missing or cannot be read.`;

/** Where a port's certificate stands: a PEM file, or a PKCS#12 file or keystore. */
const servingPath = (node: NodeCertificates, purpose: ServingPurpose): string | null => {
  const [path] = ['certificate', 'keystore.path'].flatMap((name) =>
    pathsIn(valuesOf(node), `${sslPrefix[purpose]}.${name}`),
  );
  return path ?? null;
};

const isCovered = (node: NodeCertificates, { purpose, host, chain }: ServedCertificate): boolean => {
  const [leaf] = chain;
  const mode = valuesOf(node)[`${sslPrefix[purpose]}.verification_mode`];
  // Nodes hold each other to their names only where they are told to.
  if (purpose === 'transport' && mode !== undefined && mode !== 'full') return true;
  return leaf === undefined || coversAddress(leaf, host);
};

const nameFindings = (node: NodeCertificates, served: ServedCertificate): string[] =>
  isCovered(node, served)
    ? []
    : [`It does not cover ${served.host}, the address at which the node publishes this port.`];

/** What a port serves and what stands in its file: one certificate when they agree, each by itself when not. */
const servingFound = (
  node: NodeCertificates,
  purpose: ServingPurpose,
  record: CertificateRecord | undefined,
): Found[] => {
  const served = node.served.find((one) => one.purpose === purpose);
  const path = servingPath(node, purpose);
  const file = path === null ? undefined : fileOf(node, path);
  const standing = leafIn(file, record);
  const [leaf, ...chain] = served?.chain ?? [];
  const base = { node, purpose };
  const isSame = leaf !== undefined && leaf.fingerprint256 === standing?.fingerprint256;
  const found: Found[] = [];
  if (leaf !== undefined && served !== undefined) {
    const isKnown = isSame || standing === null;
    const stray = isKnown ? [] : [`${path} holds another one: Elasticsearch has not loaded that.`];
    const lost = file !== undefined && file.digest === null ? [missing(path ?? '')] : [];
    const findings = [...nameFindings(node, served), ...stray, ...lost];
    found.push({ ...base, facts: leaf, path: isKnown ? path : null, served: true, chain, findings });
  }
  if (standing !== null && !isSame) {
    const silent =
      served === undefined
        ? []
        : [`Port ${served.port} does not serve it${served.error === '' ? '' : ` (${served.error})`}.`];
    found.push({
      ...base,
      facts: standing,
      path,
      served: served === undefined ? null : false,
      chain: [],
      findings: silent,
    });
  }
  return found;
};

const trustPurposes: readonly (readonly [CertificatePurpose, string])[] = [
  ['remote_cluster_client_ca', sslPrefix.remote_cluster_client],
  ['transport_ca', sslPrefix.transport],
  ['http_ca', sslPrefix.http],
];

/** The CAs that a node trusts, from the PEM files that it names. */
const trustedFound = (node: NodeCertificates): Found[] =>
  trustPurposes.flatMap(([purpose, prefix]) =>
    pathsIn(valuesOf(node), `${prefix}.certificate_authorities`).flatMap((path) =>
      (fileOf(node, path)?.certificates ?? []).map(
        (facts): Found => ({ node, purpose, facts, path, served: null, chain: [], findings: [] }),
      ),
    ),
  );

/** What is on record of a node that could not be looked at. */
const recordedFound = (node: NodeCertificates, records: readonly CertificateRecord[]): Found[] =>
  records.map(({ purpose, facts, path }) => ({ node, purpose, facts, path, served: null, chain: [], findings: [] }));

const servingOrder: readonly ServingPurpose[] = ['remote_cluster_server', 'transport', 'http'];

const foundOn = (node: NodeCertificates, records: readonly CertificateRecord[]): Found[] => {
  const own = records.filter((record) => record.cluster === node.cluster && record.node === node.node);
  if (node.facts === null) return recordedFound(node, own);
  const recordOf = (purpose: ServingPurpose) => own.find((record) => record.purpose === purpose);
  return [...servingOrder.flatMap((purpose) => servingFound(node, purpose, recordOf(purpose))), ...trustedFound(node)];
};

const dateFindings = ({ notBefore, notAfter }: CertificateFacts, daysLeft: number, now: Date): string[] => {
  if (Date.parse(notAfter) <= now.getTime()) return [`It ended at ${notAfter}.`];
  if (Date.parse(notBefore) > now.getTime()) return [`It begins at ${notBefore} only.`];
  return daysLeft < SOON_DAYS
    ? [`It ends in ${daysLeft === 0 ? 'less than a day' : `${daysLeft} day${daysLeft === 1 ? '' : 's'}`}.`]
    : [];
};

const viewOf = ({ node, facts, ...found }: Found, { records, cas, now }: CertificatesKnown): CertificateView => {
  const daysLeft = Math.floor((Date.parse(facts.notAfter) - now.getTime()) / DAY_MS);
  const record = records.find((one) => one.facts.fingerprint256 === facts.fingerprint256);
  const isCa = cas.find((ca) => ca.facts.fingerprint256 === facts.fingerprint256);
  const issuer = cas.find((ca) => found.chain.some(({ fingerprint256 }) => fingerprint256 === ca.facts.fingerprint256));
  return {
    node: node.node,
    cluster: node.cluster,
    purpose: found.purpose,
    ...facts,
    daysLeft,
    path: found.path,
    served: found.served,
    chain: found.chain.map(({ subject }) => subject),
    ca: record?.ca ?? isCa?.name ?? issuer?.name ?? null,
    managed: record !== undefined || isCa?.key != null,
    findings: [...dateFindings(facts, daysLeft, now), ...found.findings],
  };
};

/** Every certificate of every node, the one that ends next first. Pure. */
export const certificateViews = (known: CertificatesKnown): CertificateList => {
  const views = known.nodes.flatMap((node) => foundOn(node, known.records)).map((found) => viewOf(found, known));
  const keyOf = ({ cluster, node, purpose }: CertificateView): string => `${cluster}/${node}/${purpose}`;
  return {
    certificates: views.sort(
      (a, b) => a.notAfter.localeCompare(b.notAfter) || keyOf(a).localeCompare(keyOf(b), 'en', { numeric: true }),
    ),
    problems: known.nodes.flatMap(({ cluster, node, problems }) =>
      problems.map((problem) => `Node ${node} of cluster ${cluster}: ${problem}`),
    ),
  };
};
