import type { PlacedPurpose } from '@remora/shared/model/requests/place-request.ts';
import type { OperationCall } from '@remora/shared/operations.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { CertificateIssue } from '../../../coordinator/src/plan/certificates/certificate-issue.ts';
import { bareSerial } from '../../../coordinator/src/plan/certificates/serial.ts';
import type { PlaceFacts, SentAuthority, StoredAuthority } from '../../../coordinator/src/plan/place/facts.ts';
import type { CaRecord, CertificateRecord, SigningRequestRecord } from '../../../coordinator/src/plan/records.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { type DeploymentTrustRecord, deploymentTrustId } from '../../../coordinator/src/plan/trust/deployment-trust.ts';
import { certificateFacts, factsOf, request, ymlDigest } from '../connect/facts.ts';
import { type NodeWorld, nodeOf, type World, world } from '../connect/world.ts';
import { isLetIn, type LoadedNames, patternsIn, unnamed } from './restricted-world.ts';

/**
 * A cluster `us` of which each node serves a certificate on its transport and HTTP ports and trusts CAs, by the files that its process has loaded: what the
 * others see of it is that, and not what its files say.
 */

export const TRANSPORT = 'xpack.security.transport.ssl';
export const HTTP = 'xpack.security.http.ssl';
export const RESTRICTIONS = `${TRANSPORT}.trust_restrictions.path`;
/** The CA of what nodes serve before Remora. */
const THEIRS = 'theirs';

interface Loaded extends LoadedNames {
  /** Name of the CA of what the transport port serves. */
  readonly serves: string;
  /** Reference of the file with the certificate; null of theirs. */
  readonly source: string | null;
  readonly trusts: readonly string[];
}

interface Before {
  readonly files: Readonly<Record<string, NodeWorld['files'][string] | undefined>>;
  readonly settings: Readonly<Record<string, SettingValue | null | undefined>>;
}

export interface TransportWorld {
  readonly made: World;
  readonly loaded: Map<string, Loaded>;
  /** What each delivery of a step changed, by node and step. */
  readonly deliveries: Map<string, Before>;
  cas: CaRecord[];
  certificates: CertificateRecord[];
  signed: SigningRequestRecord[];
  /** Deployments in Elastic Cloud that the cluster trusts. */
  deploymentTrusts: DeploymentTrustRecord[];
  secretVersions: Record<string, number>;
  trusted: string[];
  restarts: string[];
}

const DAY_MS = 86_400_000;

export const caOf = (name: string, nowMs: number, more: Partial<CaRecord> = {}): CaRecord => ({
  ...{ name, certificatePem: `PEM of ${name}`, certificate: `secret:ca/${name}/certificate@1` },
  ...{
    key: `secret:ca/${name}/key@1`,
    facts: certificateFacts(`fingerprint of ${name}`, nowMs, nowMs + 3650 * DAY_MS),
  },
  ...more,
});

/** Three nodes that trust one another by a PEM file, or by a truststore. */
export const transportWorld = (by: 'pem' | 'truststore'): TransportWorld => {
  const made = world({ remote: 3, local: 1 });
  for (const node of made.remote.nodes) {
    const trust: Record<string, SettingValue> =
      by === 'pem'
        ? { [`${TRANSPORT}.certificate_authorities`]: ['transport-ca.crt'] }
        : { [`${TRANSPORT}.truststore.path`]: 'certs/transport.p12' };
    const store: Record<string, SettingValue> =
      by === 'pem'
        ? { [`${TRANSPORT}.certificate`]: 'transport.crt', [`${TRANSPORT}.key`]: 'transport.key' }
        : { [`${TRANSPORT}.keystore.path`]: 'certs/transport.p12' };
    Object.assign(node.yml.values, { [`${TRANSPORT}.enabled`]: true, [`${HTTP}.enabled`]: true, ...trust, ...store });
    node.running.settings = Object.fromEntries(Object.entries(node.yml.values)) as Record<string, SettingValue>;
    if (by === 'pem') node.files['transport-ca.crt'] = { source: null, certificates: [`fingerprint of ${THEIRS}`] };
  }
  const one: TransportWorld = {
    ...{ made, loaded: new Map(), deliveries: new Map(), certificates: [], signed: [], secretVersions: {} },
    deploymentTrusts: [],
    cas: [caOf('a', made.nowMs), caOf('b', made.nowMs)],
    ...{ trusted: ['their HTTPS CA'], restarts: [] },
  };
  for (const { name } of made.remote.nodes) load(one, name, true);
  return one;
};

const fingerprintOf = (name: string): string => `fingerprint of ${name}`;
const list = (value: SettingValue | null | undefined): string[] => [value ?? []].flat().map(String);

/** What Elasticsearch has once it has read its files, as at a start. */
const load = ({ made, loaded, certificates }: TransportWorld, name: string, isStart = false): void => {
  const { yml, files } = nodeOf(made.remote, name);
  const keystore = String(yml.values[`${TRANSPORT}.keystore.path`] ?? '');
  const pem = String(yml.values[`${TRANSPORT}.certificate`] ?? '');
  const source = files[keystore === '' ? pem : keystore]?.source;
  const key = files[String(yml.values[`${TRANSPORT}.key`] ?? '')]?.source;
  if (keystore === '' && source?.replace('/certificate@', '/key@') !== key)
    throw new Error(`${name} has a certificate (${source}) and a key (${key}) that do not belong together`);
  const serves = source == null ? THEIRS : (issuedBy.get(source) ?? certificates[0]?.ca ?? '');
  const truststore = yml.values[`${TRANSPORT}.truststore.path`];
  const authorities = list(yml.values[`${TRANSPORT}.certificate_authorities`]);
  if (truststore != null && authorities.length > 0)
    throw new Error(`${name} does not start: a truststore beside PEM files`);
  if (keystore !== '' && yml.values[`${TRANSPORT}.certificate`] != null)
    throw new Error(`${name} does not start: a keystore beside a PEM certificate`);
  const trusts =
    truststore == null ? authorities.flatMap((path) => files[path]?.certificates ?? []) : [fingerprintOf(THEIRS)];
  const path = yml.values[RESTRICTIONS];
  const restrictions = path == null ? undefined : files[String(path)];
  if (path != null && restrictions === undefined && isStart) throw new Error(`${name} does not start: no ${path}`);
  const before = loaded.get(name)?.letsIn ?? null;
  // The setting is read at a start; of its file a process that lost it keeps what it read.
  const isRestricted = isStart ? path != null : before !== null;
  const letsIn = isRestricted ? (restrictions?.trustedNames ?? before ?? []) : null;
  const names = source == null ? [] : (issuedNames.get(source) ?? []);
  loaded.set(name, { serves, source: source ?? null, trusts, names, letsIn });
};

/** Which CA signed what is kept under a reference. */
const issuedBy = new Map<string, string>();
/** Its names of the kind otherName. */
const issuedNames = new Map<string, readonly string[]>();
/** Its fingerprint. */
const issuedAs = new Map<string, string>();

/** Pairs of which one would not be let in by the other now, in words. */
export const strangers = (one: TransportWorld): string[] =>
  [...one.loaded]
    .flatMap(([name, { serves }]) =>
      [...one.loaded].flatMap(([other, { trusts }]) =>
        name === other || trusts.includes(fingerprintOf(serves)) ? [] : [`${other} does not trust ${name} (${serves})`],
      ),
    )
    .concat(unnamed(one.loaded));

/** As Elasticsearch tells of one in a store. */
const toldOf = ({ facts: { subject, issuer, serial, notAfter } }: SentAuthority): StoredAuthority => ({
  ...{ subject, issuer, serial: bareSerial(serial), notAfter },
});

const theirCa = (nowMs: number): SentAuthority => ({
  facts: certificateFacts(fingerprintOf(THEIRS), nowMs, nowMs + DAY_MS),
  pem: `PEM of ${THEIRS}`,
});

/** The certificate that a node has loaded for its transport port. */
const servedBy = ({ loaded }: TransportWorld, name: string): string => {
  const source = loaded.get(name)?.source ?? null;
  return source === null ? `served by ${name} before` : (issuedAs.get(source) ?? '');
};

export const placeFacts = (one: TransportWorld, purpose: PlacedPurpose = 'transport'): PlaceFacts => {
  const { made } = one;
  const { remote } = factsOf(made, request());
  return {
    cluster: {
      ...remote,
      // As Elasticsearch tells it: the files of the running process.
      nodes: remote.nodes.map((node) => ({ ...node, loadedCertificates: null })),
    },
    urlHosts: ['us.example.com'],
    trusted: { pem: 'PEM of their HTTPS CA', fingerprints: one.trusted },
    ports: new Map(
      made.remote.nodes.map(({ name, transportHost }) => [
        name,
        {
          ...{ names: [transportHost], sans: [], issuers: [theirCa(made.nowMs)], problem: '' },
          fingerprint256: purpose === 'transport' ? servedBy(one, name) : null,
        },
      ]),
    ),
    stores: new Map(
      remote.nodes
        .filter(({ name }) => nodeOf(made.remote, name).yml.values[`${TRANSPORT}.truststore.path`] != null)
        .map(({ name }) => [name, [toldOf(theirCa(made.nowMs))]]),
    ),
    certificates: one.certificates.filter((record) => record.purpose === purpose),
    ...{ connections: [], proxies: [], seeds: [], unknownProxies: [], trust: [], unasked: [] },
    ...{ peers: [], deploymentTrusts: one.deploymentTrusts },
    ...{ otherNodes: [], signed: one.signed, cas: one.cas, secretVersions: one.secretVersions },
  };
};

const referenced = (reference: string): readonly [string, number] => {
  const [, name = '', version = '1'] = /^secret:(.*)@(\d+)$/.exec(reference) ?? [];
  return [name, Number(version)];
};

const issue = (one: TransportWorld, wish: CertificateIssue): void => {
  const { cluster, node, purpose, ca, path, dns, ip, p12Secret, passwordSecret, key, validityMs } = wish;
  for (const reference of key ? [p12Secret, key.secret] : [p12Secret, passwordSecret]) {
    const [name, version] = referenced(reference);
    one.secretVersions[name] = Math.max(one.secretVersions[name] ?? 0, version);
  }
  issuedBy.set(p12Secret, ca);
  const facts = {
    ...certificateFacts(`fingerprint of ${p12Secret}`, one.made.nowMs, one.made.nowMs + validityMs),
    ...(wish.given ? { fingerprint256: wish.given.fingerprint256 } : {}),
    sans: (wish.otherNames ?? []).map((name) => `otherName:${name}`),
  };
  issuedAs.set(p12Secret, facts.fingerprint256);
  issuedNames.set(p12Secret, wish.otherNames ?? []);
  const record = {
    cluster,
    node,
    purpose,
    ca,
    path,
    names: [...dns, ...ip],
    p12Secret,
    passwordSecret,
    ...(key ? { key } : {}),
    ...(wish.given ? { given: wish.given.request } : {}),
    validityMs,
    facts,
  };
  const isOther = (other: CertificateRecord): boolean => other.node !== node || other.purpose !== purpose;
  one.certificates = [...one.certificates.filter(isOther), record];
};

const namesIn = (content: unknown): string[] =>
  typeof content === 'string'
    ? [
        ...Buffer.from(content, 'base64')
          .toString()
          .matchAll(/^PEM of (.*)$/gm),
      ].map(([, name = '']) => name)
    : [];

/** Those of a file that was written anew with what an agent had read of it are told by their bytes. */
const fingerprintsIn = (content: unknown): string[] => {
  const text = typeof content === 'string' ? Buffer.from(content, 'base64').toString() : '';
  const read = [...text.matchAll(/^-----BEGIN CERTIFICATE-----\n([^-]*)\n-----END/gm)].map(([, der = '']) =>
    Buffer.from(der, 'base64').toString(),
  );
  return [...namesIn(content).map(fingerprintOf), ...read];
};

const change = (
  one: TransportWorld,
  stepId: string,
  name: string,
  operations: readonly OperationCall[],
  isRead: boolean,
): void => {
  const node = nodeOf(one.made.remote, name);
  const { files, yml, keystore } = node;
  const before = {
    files: {} as Record<string, Before['files'][string]>,
    settings: {} as Record<string, Before['settings'][string]>,
  };
  for (const call of operations) {
    if (call.name === 'files')
      for (const { path, content, source } of call.input.write) {
        before.files[path] = files[path];
        files[path] = { source, certificates: fingerprintsIn(content), ...patternsIn(content) };
      }
    if (call.name === 'files')
      for (const path of call.input.remove) {
        before.files[path] = files[path];
        delete files[path];
      }
    if (call.name === 'settings') {
      const { expectDigest } = call.input;
      if (expectDigest && expectDigest !== ymlDigest(node))
        throw new Error(`elasticsearch.yml of ${name} was edited since`);
      for (const setting of [...Object.keys(call.input.set), ...call.input.remove])
        before.settings[setting] = yml.values[setting];
      Object.assign(yml.values, call.input.set);
      for (const setting of call.input.remove) delete yml.values[setting];
      yml.modifiedAtMs = one.made.nowMs;
    }
    if (call.name === 'keystore')
      for (const { name: entry, reference } of call.input.set)
        keystore.entries[entry] = { reference, writtenAtMs: one.made.nowMs };
    if (call.name === 'undo')
      for (const id of call.input.deliveries) undo(one, name, id.split('/').slice(1, -1).join('/'));
    if (call.name === 'service') {
      const { replaces } = call.input;
      if (replaces && replaces !== `${node.agentPid}:${node.startedAtMs}`)
        throw new Error(`${name} has another process`);
      node.startedAtMs = one.made.nowMs + 1;
      node.running.settings = Object.fromEntries(Object.entries(yml.values)) as Record<string, SettingValue>;
      one.restarts.push(name);
    }
  }
  one.deliveries.set(`${name} ${stepId}`, before);
  const restarts = operations.some((call) => call.name === 'service');
  if (restarts || isRead) load(one, name, restarts);
};

const undo = ({ made, deliveries }: TransportWorld, name: string, stepId: string): void => {
  const { files, yml } = nodeOf(made.remote, name);
  const before = deliveries.get(`${name} ${stepId}`);
  if (!before) throw new Error(`nothing was delivered to ${name} by ${stepId}`);
  for (const [path, file] of Object.entries(before.files)) {
    if (file) files[path] = file;
    else delete files[path];
  }
  for (const [setting, value] of Object.entries(before.settings)) {
    if (value === undefined) delete yml.values[setting];
    else yml.values[setting] = value;
  }
};

/** Carries one step out. `isRead`: whether a file that changes without a restart is read at once, or only when a later step waits for that. */
export const take = (one: TransportWorld, step: AnyStep, isRead: boolean): void => {
  one.made.nowMs += 60_000;
  switch (step.kind) {
    case 'node.change':
      change(one, step.id, step.input.node, step.input.operations, isRead);
      return;
    case 'certificate.issue':
      issue(one, step.input);
      return;
    case 'peer-trust.verify': {
      load(one, step.input.node);
      const { files } = nodeOf(one.made.remote, step.input.node);
      const isHeld = step.input.paths.some((path) => files[path]?.certificates.includes(step.input.ca.fingerprint256));
      if (!isHeld) throw new Error(`${step.input.node} has not loaded ${step.input.ca.subject}`);
      return;
    }
    case 'certificate.verify': {
      load(one, step.input.node);
      const { serves } = one.loaded.get(step.input.node) ?? {};
      if (step.input.purpose === 'transport' && !step.input.asInFile && serves !== step.input.ca)
        throw new Error(`${step.input.node} serves ${serves}`);
      return;
    }
    case 'transport-name.verify': {
      load(one, step.input.node);
      const { names = [] } = one.loaded.get(step.input.node) ?? {};
      if (!isLetIn(step.input.patterns, names)) throw new Error(`${step.input.node} has no name that is let in`);
      return;
    }
    case 'deployment-trust.record': {
      const { id, trust } = step.input;
      const others = one.deploymentTrusts.filter((other) => deploymentTrustId(other) !== id);
      one.deploymentTrusts = trust === null ? others : [...others, trust];
      return;
    }
    case 'inventory.put-back':
      for (const { collection, id, record } of step.input.records)
        if (collection === 'deploymentTrusts') {
          const others = one.deploymentTrusts.filter((other) => deploymentTrustId(other) !== id);
          one.deploymentTrusts = record === null ? others : [...others, record];
        }
      return;
    case 'cluster.trust':
      one.trusted = [...one.trusted, ...namesIn(Buffer.from(step.input.caPem).toString('base64')).map(fingerprintOf)];
      return;
    default:
      return;
  }
};
