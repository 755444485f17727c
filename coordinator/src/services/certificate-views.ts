import type { CertificateFacts } from '@remora/shared/model/certificate.ts';
import type { CertificateList, CertificatePurpose, CertificateView } from '@remora/shared/model/certificate-view.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { type NodeCertificates, pathsIn, type ServedCertificate } from '../observe/observe-certificates.ts';
import { coversAddress } from '../pki/describe.ts';
import { isOtherVersion } from '../plan/certificate-versions.ts';
import type { CaRecord, CertificateRecord } from '../plan/records.ts';
import { type ServingPurpose, servingPurposes, sslPrefix } from '../plan/ssl.ts';
import { nodeKey } from '../plan/steps.ts';

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

/** A run issued a newer certificate and never placed it. */
const behindFinding = (file: FileFacts | undefined, record: CertificateRecord | undefined): string[] =>
  record !== undefined && isOtherVersion(file, record)
    ? [
        `A newer one was issued and never placed: \`remora certs rotate --cluster ${record.cluster} --node ${record.node}\` places another.`,
      ]
    : [];

const missing = (path: string): string => `The file ${path} is missing or cannot be read.`;

/** Where a port's certificate stands: a PEM file, or a PKCS#12 file or keystore. */
const servingPath = (node: NodeCertificates, purpose: ServingPurpose): string | null => {
  const [path] = ['certificate', 'keystore.path'].flatMap((name) =>
    pathsIn(valuesOf(node), `${sslPrefix[purpose]}.${name}`),
  );
  return path ?? null;
};

const isCovered = (node: NodeCertificates, { purpose, hosts, chain }: ServedCertificate): boolean => {
  const [leaf] = chain;
  const mode = valuesOf(node)[`${sslPrefix[purpose]}.verification_mode`];
  // Nodes hold each other to their names only where they are told to.
  if (purpose === 'transport' && mode !== undefined && mode !== 'full') return true;
  return leaf === undefined || hosts.some((host) => coversAddress(leaf, host));
};

const nameFindings = (node: NodeCertificates, served: ServedCertificate): string[] =>
  isCovered(node, served)
    ? []
    : [`It does not cover ${served.hosts.join(' or ')}, where the node publishes this port.`];

/** What is found of a purpose on a node, and what could not be found out: a sentence each. */
interface Look {
  readonly found: readonly Found[];
  readonly problems: readonly string[];
}

/** What a port serves and what stands in its file: one certificate when they agree, each by itself when not. */
const lookAtPort = (node: NodeCertificates, purpose: ServingPurpose, record: CertificateRecord | undefined): Look => {
  const served = node.served.find((one) => one.purpose === purpose);
  const path = servingPath(node, purpose);
  const file = path === null ? undefined : fileOf(node, path);
  const standing = leafIn(file, record);
  const [leaf, ...chain] = served?.chain ?? [];
  const silence = served === undefined || served.error === '' ? '' : ` (${served.error})`;
  const lost = file !== undefined && file.digest === null ? [missing(path ?? '')] : [];
  const base = { node, purpose };
  const found: Found[] = [];
  if (leaf !== undefined && served !== undefined) {
    const isKnown = standing === null || leaf.fingerprint256 === standing.fingerprint256;
    const stray = isKnown ? [] : [`${path} holds another one: Elasticsearch has not loaded that.`];
    const findings = [...nameFindings(node, served), ...stray, ...lost, ...behindFinding(file, record)];
    found.push({ ...base, facts: leaf, path: isKnown ? path : null, served: true, chain, findings });
  }
  if (standing !== null && leaf?.fingerprint256 !== standing.fingerprint256) {
    const isServed = served === undefined ? null : false;
    const findings = served === undefined ? [] : [`Port ${served.port} does not serve it${silence}.`];
    found.push({ ...base, facts: standing, path, served: isServed, chain: [], findings });
  }
  if (found.length > 0 || (path === null && silence === '')) return { found, problems: [] };
  const unread = path === null || lost.length > 0 ? lost : [`What ${path} holds cannot be read without its password.`];
  const unseen = served === undefined ? [] : [`Port ${served.port} showed no certificate${silence}.`];
  return { found, problems: [...unread, ...unseen].map((problem) => `${purpose}: ${problem}`) };
};

const trustPurposes: readonly (readonly [CertificatePurpose, string])[] = [
  ['remote_cluster_client_ca', sslPrefix.remote_cluster_client],
  ['transport_ca', sslPrefix.transport],
  ['http_ca', sslPrefix.http],
];

/** The CAs that a node trusts, from the PEM files that it names. */
const lookAtTrust = (node: NodeCertificates): Look => {
  const named = trustPurposes.flatMap(([purpose, prefix]) =>
    pathsIn(valuesOf(node), `${prefix}.certificate_authorities`).flatMap((path) => {
      const file = fileOf(node, path);
      return file === undefined ? [] : [{ purpose, file }];
    }),
  );
  return {
    found: named.flatMap(({ purpose, file }) =>
      file.certificates.map(
        (facts): Found => ({ node, purpose, facts, path: file.path, served: null, chain: [], findings: [] }),
      ),
    ),
    problems: named.flatMap(({ purpose, file }) => (file.digest === null ? [`${purpose}: ${missing(file.path)}`] : [])),
  };
};

/** What is on record of a node that could not be looked at. */
const recorded = (node: NodeCertificates, records: readonly CertificateRecord[]): Look => ({
  found: records.map(({ purpose, facts, path }) => ({
    ...{ node, purpose, facts, path },
    ...{ served: null, chain: [], findings: [] },
  })),
  problems: [],
});

const lookAtNode = (node: NodeCertificates, records: readonly CertificateRecord[]): Look => {
  const own = records.filter((record) => record.cluster === node.cluster && record.node === node.node);
  if (node.facts === null) return recorded(node, own);
  const recordOf = (purpose: ServingPurpose) => own.find((record) => record.purpose === purpose);
  const looks = [...servingPurposes.map((purpose) => lookAtPort(node, purpose, recordOf(purpose))), lookAtTrust(node)];
  return { found: looks.flatMap(({ found }) => found), problems: looks.flatMap(({ problems }) => problems) };
};

const dateFindings = ({ notBefore, notAfter }: CertificateFacts, daysLeft: number, now: Date): string[] => {
  if (Date.parse(notAfter) <= now.getTime()) return [`It ended at ${notAfter}.`];
  if (Date.parse(notBefore) > now.getTime()) return [`It begins at ${notBefore} only.`];
  return daysLeft < SOON_DAYS
    ? [`It ends in ${daysLeft === 0 ? 'less than a day' : `${daysLeft} day${daysLeft === 1 ? '' : 's'}`}.`]
    : [];
};

/** The CA of the inventory that signed a certificate, or that it is: by what is sent with it, else by the name of its issuer. */
const caOf = ({ facts, chain }: Found, cas: readonly CaRecord[]): CaRecord | undefined => {
  const issuer = chain[0]?.fingerprint256;
  return (
    cas.find((ca) => ca.facts.fingerprint256 === facts.fingerprint256) ??
    cas.find((ca) => (issuer === undefined ? ca.facts.subject === facts.issuer : ca.facts.fingerprint256 === issuer))
  );
};

/** Whether Remora placed it: its agent knows the file, or it was issued for this port by the CA that Remora uses there. */
const isManaged = (found: Found, ca: CaRecord | undefined, records: readonly CertificateRecord[]): boolean => {
  const { node, purpose, facts, path } = found;
  const record = records.find((one) => nodeKey(one) === nodeKey(node) && one.purpose === purpose);
  if (record !== undefined) return record.facts.fingerprint256 === facts.fingerprint256 || record.ca === ca?.name;
  const file = path === null ? undefined : fileOf(node, path);
  return ca !== undefined && file?.source != null;
};

const viewOf = (found: Found, { records, cas, now }: CertificatesKnown): CertificateView => {
  const { node, purpose, facts, path, served, chain } = found;
  const daysLeft = Math.floor((Date.parse(facts.notAfter) - now.getTime()) / DAY_MS);
  const ca = caOf(found, cas);
  return {
    ...{ node: node.node, cluster: node.cluster, purpose, ...facts, daysLeft, path, served },
    chain: chain.map(({ subject }) => subject),
    ca: ca?.name ?? null,
    managed: isManaged(found, ca, records),
    findings: [...dateFindings(facts, daysLeft, now), ...found.findings],
  };
};

/** Every certificate of every node, the one that ends next first. Pure. */
export const certificateViews = (known: CertificatesKnown): CertificateList => {
  const looks = known.nodes.map((node) => ({ node, ...lookAtNode(node, known.records) }));
  const views = looks.flatMap(({ found }) => found).map((found) => viewOf(found, known));
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
