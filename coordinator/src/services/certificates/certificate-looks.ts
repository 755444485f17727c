import type { CertificateLevel, CertificatePurpose } from '@remora/shared/model/certificates/certificate-view.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import {
  type NodeCertificates,
  pathsIn,
  type ServedCertificate,
} from '../../observe/certificates/observe-certificates.ts';
import type { ConfiguredCertificate } from '../../observe/certificates/ssl-certificates.ts';
import { isOtherVersion } from '../../plan/certificates/certificate-versions.ts';
import { type ServingPurpose, servingPurposes, sslPrefix } from '../../plan/node/ssl.ts';
import type { CertificateRecord } from '../../plan/records.ts';
import { type FoundFacts, type KnownCertificates, sameCertificate } from './known-certificates.ts';

/** A sentence that says what is wrong with a certificate and what to do, and how bad that is. */
export interface Finding {
  readonly level: Exclude<CertificateLevel, 'ok'>;
  readonly text: string;
}

/** A certificate as it was found, before it is judged. */
export interface Found {
  readonly node: NodeCertificates;
  readonly purpose: CertificatePurpose;
  readonly facts: FoundFacts;
  readonly path: string | null;
  readonly served: boolean | null;
  /** What was served with it, nearest first. */
  readonly chain: readonly FoundFacts[];
  /** The address at which its port is published; empty for what no port serves. */
  readonly hosts: readonly string[];
  /** SHA-256 of the public half of the private key beside it; null where that cannot be read or there is none to look at. */
  readonly keyDigest: string | null;
  readonly findings: readonly Finding[];
  /** What has another one in its place, where that is not `certs rotate`. */
  readonly replacement?: string;
}

/** What is found of a purpose on a node, and what could not be found out: a sentence each. */
export interface Look {
  readonly found: readonly Found[];
  readonly problems: readonly string[];
}

type FileFacts = NodeFacts['files'][number];

const valuesOf = ({ facts }: NodeCertificates): NodeFacts['settingsFile']['values'] => facts?.settingsFile.values ?? {};

/** A setting of a purpose, for example `verification_mode`. */
export const sslSetting = (node: NodeCertificates, purpose: ServingPurpose, name: string): unknown =>
  valuesOf(node)[`${sslPrefix[purpose]}.${name}`];

export const fileOf = ({ facts }: NodeCertificates, path: string): FileFacts | undefined =>
  facts?.files.find((file) => file.path === path);

/** What Elasticsearch says that a file holds. */
const entriesOf = ({ configured, facts }: NodeCertificates, path: string): ConfiguredCertificate[] =>
  configured.filter((one) => one.path === path || one.path === `${facts?.configDir}/${path}`);

/**
 * The certificate that stands in a file: read from PEM; of a PKCS#12 file that Remora made and nobody changed since, from its record; of other keystores, from
 * what Elasticsearch says of them.
 */
const leafIn = (
  node: NodeCertificates,
  file: FileFacts | undefined,
  record: CertificateRecord | undefined,
  known: KnownCertificates,
): FoundFacts | null => {
  if (file === undefined || file.digest === null) return null;
  if (record !== undefined && file.source === record.p12Secret) return record.facts;
  const [inPem] = file.certificates;
  if (inPem !== undefined) return inPem;
  const entry = entriesOf(node, file.path).find(({ hasPrivateKey }) => hasPrivateKey);
  return entry === undefined ? null : known.whole(entry);
};

const warning = (text: string): Finding => ({ level: 'warning', text });

/** A run issued a newer certificate and never placed it. */
const behindFinding = (file: FileFacts | undefined, record: CertificateRecord | undefined): Finding[] =>
  record !== undefined && isOtherVersion(file, record)
    ? [
        warning(
          `A newer one was issued and never placed: \`remora certs rotate --cluster ${record.cluster} --node ${record.node}\` places another.`,
        ),
      ]
    : [];

const missing = (path: string): string => `The file ${path} is missing or cannot be read.`;

const namedPath = (node: NodeCertificates, prefix: string, names: readonly string[]): string | null =>
  names.flatMap((name) => pathsIn(valuesOf(node), `${prefix}.${name}`))[0] ?? null;

/** The port and the files of one purpose on one node. */
interface Port {
  readonly served: ServedCertificate | undefined;
  /** Where its certificate stands: a PEM file, or a PKCS#12 file or keystore. */
  readonly path: string | null;
  readonly file: FileFacts | undefined;
  readonly standing: FoundFacts | null;
  readonly keyDigest: string | null;
}

const portOf = (
  node: NodeCertificates,
  purpose: ServingPurpose,
  record: CertificateRecord | undefined,
  known: KnownCertificates,
): Port => {
  const path = namedPath(node, sslPrefix[purpose], ['certificate', 'keystore.path']);
  const keyPath = namedPath(node, sslPrefix[purpose], ['key']);
  const file = path === null ? undefined : fileOf(node, path);
  return {
    ...{ path, file, standing: leafIn(node, file, record, known) },
    served: node.served.find((one) => one.purpose === purpose),
    keyDigest: (keyPath === null ? undefined : fileOf(node, keyPath)?.publicKeyDigest) ?? null,
  };
};

/** What a port serves and what stands in its file: one certificate when they agree, each by itself when not. */
const lookAtPort = (
  node: NodeCertificates,
  purpose: ServingPurpose,
  record: CertificateRecord | undefined,
  known: KnownCertificates,
): Look => {
  const { served, path, file, standing, keyDigest } = portOf(node, purpose, record, known);
  const [leaf, ...chain] = served?.chain ?? [];
  const silence = served === undefined || served.error === '' ? '' : ` (${served.error})`;
  const lost = file !== undefined && file.digest === null ? [missing(path ?? '')] : [];
  const isSame = leaf !== undefined && standing !== null && sameCertificate(leaf, standing);
  const base = { node, purpose };
  const found: Found[] = [];
  if (leaf !== undefined && served !== undefined) {
    const isKnown = standing === null || isSame;
    const stray = isKnown ? [] : [warning(`${path} holds another one: Elasticsearch has not loaded that.`)];
    const findings = [...stray, ...lost.map(warning), ...behindFinding(file, record)];
    const key = isSame ? keyDigest : null;
    const at = { path: isKnown ? path : null, hosts: served.hosts, keyDigest: key };
    found.push({ ...base, ...at, facts: leaf, served: true, chain, findings });
  }
  if (standing !== null && !isSame) {
    const isServed = served === undefined ? null : false;
    const findings = served === undefined ? [] : [warning(`Port ${served.port} does not serve it${silence}.`)];
    found.push({ ...base, facts: standing, path, served: isServed, chain: [], hosts: [], keyDigest, findings });
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

/** The CAs in the PEM files that a node names for a purpose. */
const lookAtBundles = (node: NodeCertificates, purpose: CertificatePurpose, prefix: string): Look => {
  const files = pathsIn(valuesOf(node), `${prefix}.certificate_authorities`).flatMap(
    (path) => fileOf(node, path) ?? [],
  );
  return {
    found: files.flatMap(({ path, certificates }) => certificates.map((facts) => trusted(node, purpose, facts, path))),
    problems: files.flatMap(({ path, digest }) => (digest === null ? [`${purpose}: ${missing(path)}`] : [])),
  };
};

const trusted = (node: NodeCertificates, purpose: CertificatePurpose, facts: FoundFacts, path: string): Found => ({
  ...{ node, purpose, facts, path, served: null },
  ...{ chain: [], hosts: [], keyDigest: null, findings: [] },
});

/** The CAs in the truststore that a node names; a keystore is one too where neither truststore nor PEM files are named. */
const lookAtStore = (
  node: NodeCertificates,
  purpose: CertificatePurpose,
  prefix: string,
  known: KnownCertificates,
): Look => {
  const hasBundles = pathsIn(valuesOf(node), `${prefix}.certificate_authorities`).length > 0;
  const path = namedPath(node, prefix, hasBundles ? ['truststore.path'] : ['truststore.path', 'keystore.path']);
  if (path === null) return { found: [], problems: [] };
  const entries = entriesOf(node, path);
  const keyAliases = new Set(entries.filter(({ hasPrivateKey }) => hasPrivateKey).map(({ alias }) => alias));
  const lost = fileOf(node, path)?.digest === null ? [`${purpose}: ${missing(path)}`] : [];
  return {
    found: entries
      // What stands with a private key is sent with its certificate, and not trusted for it.
      .filter(({ alias }) => !keyAliases.has(alias))
      .map((entry) => trusted(node, purpose, known.whole(entry), path)),
    problems: lost,
  };
};

/** The CAs that a node trusts. */
const lookAtTrust = (node: NodeCertificates, known: KnownCertificates): Look[] =>
  trustPurposes.flatMap(([purpose, prefix]) => [
    lookAtBundles(node, purpose, prefix),
    lookAtStore(node, purpose, prefix, known),
  ]);

/** What is on record of a node that could not be looked at. */
const recorded = (node: NodeCertificates, records: readonly CertificateRecord[]): Look => ({
  found: records.map(({ purpose, facts, path }) => ({
    ...{ node, purpose, facts, path },
    ...{ served: null, chain: [], hosts: [], keyDigest: null, findings: [] },
  })),
  problems: [],
});

/** Everything that was found on one node; `own` are its records. */
export const lookAtNode = (
  node: NodeCertificates,
  own: readonly CertificateRecord[],
  known: KnownCertificates,
): Look => {
  if (node.facts === null) return recorded(node, own);
  const recordOf = (purpose: ServingPurpose) => own.find((record) => record.purpose === purpose);
  const looks = [
    ...servingPurposes.map((purpose) => lookAtPort(node, purpose, recordOf(purpose), known)),
    ...lookAtTrust(node, known),
  ];
  return { found: looks.flatMap(({ found }) => found), problems: looks.flatMap(({ problems }) => problems) };
};
