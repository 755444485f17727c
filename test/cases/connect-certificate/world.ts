import type { SettingValue } from '@remora/shared/settings.ts';
import type { TransportFacts } from '../../../coordinator/src/plan/connect-certificate/facts.ts';
import {
  type AnyConnectionRecord,
  isByCertificate,
} from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { ClusterObservation } from '../../../coordinator/src/plan/facts.ts';
import type { SentAuthority } from '../../../coordinator/src/plan/place/facts.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import type { DeploymentTrustRecord } from '../../../coordinator/src/plan/trust/deployment-trust.ts';
import { applySteps } from '../connect/apply.ts';
import { certificateFacts } from '../connect/facts.ts';
import { isConnected } from '../connect/truth.ts';
import { type ClusterWorld, type NodeWorld, type World, world } from '../connect/world.ts';

/** Two clusters whose nodes serve certificates of their CAs on their transport ports, and trust them there by a PEM file or a truststore. */
export interface TrustWorld {
  made: World;
  /** Connections by certificate; the others are in `made`. */
  records: AnyConnectionRecord[];
  /** Deployments in Elastic Cloud that clusters trust. */
  readonly deploymentTrusts: readonly DeploymentTrustRecord[];
  /** The CA of what the nodes of each cluster serve, by name of the cluster. */
  readonly cas: Record<string, string>;
  /** Further CAs in the truststores of a cluster that no port sends. */
  readonly more: Record<string, readonly string[]>;
  /** Further CAs by which what the nodes of a cluster serve is trusted, as where a CA was renewed with its key. */
  readonly alsoBy: Record<string, readonly string[]>;
  /** Names of the kind otherName in what the nodes of a cluster serve. */
  readonly otherNames: Record<string, readonly string[]>;
  /** Nodes of which nobody sees what they serve, by name. */
  readonly unseen: string[];
}

export const TRANSPORT = 'xpack.security.transport.ssl';
export const AUTHORITIES = `${TRANSPORT}.certificate_authorities`;
export const BUNDLE = 'remora-transport-remote-cas.crt';
const OWN = 'transport-ca.crt';
const STORE = 'certs/transport.p12';
const PORT = 9300;

const sidesOf = ({ made }: TrustWorld): ClusterWorld[] => [made.local, made.remote];

const load = (node: NodeWorld): void => {
  const values = Object.entries(node.yml.values).filter((entry): entry is [string, SettingValue] => entry[1] !== null);
  node.running.settings = Object.fromEntries(values);
  node.running.certificatePaths = [node.yml.values[AUTHORITIES] ?? []].flat().map(String);
};

const setUp = (cluster: ClusterWorld, ca: string, by: 'pem' | 'truststore'): void => {
  for (const node of cluster.nodes) {
    const trust: Record<string, SettingValue> =
      by === 'pem' ? { [AUTHORITIES]: [OWN] } : { [`${TRANSPORT}.truststore.path`]: STORE };
    Object.assign(node.yml.values, { [`${TRANSPORT}.enabled`]: true, ...trust });
    if (by === 'pem') node.files[OWN] = { source: null, certificates: [ca] };
    load(node);
  }
};

type By = 'pem' | 'truststore';

export const trustWorld = (
  { local = 'ca-eu', remote = 'ca-us' }: { readonly local?: string; readonly remote?: string } = {},
  by: { readonly local?: By; readonly remote?: By } = {},
  sizes: { readonly local?: number; readonly remote?: number } = {},
): TrustWorld => {
  const made = world({ remote: sizes.remote ?? 2, local: sizes.local ?? 2 });
  setUp(made.local, local, by.local ?? 'pem');
  setUp(made.remote, remote, by.remote ?? 'pem');
  return {
    ...{ made, records: [], deploymentTrusts: [], cas: { eu: local, us: remote } },
    ...{ more: {}, alsoBy: {}, otherNames: {}, unseen: [] },
  };
};

/** The serial number of a CA in this model. */
const serialOf = (name: string): string => Buffer.from(name).toString('hex');

const authority = (name: string): SentAuthority => ({
  facts: { ...certificateFacts(name, 0, 0), serial: serialOf(name) },
  pem: `-----BEGIN CERTIFICATE-----\n${Buffer.from(name).toString('base64')}\n-----END CERTIFICATE-----\n`,
});

/** With what an agent that is asked for it reads of the certificates in files. */
export const withBytes = (cluster: ClusterObservation): ClusterObservation => ({
  ...cluster,
  nodes: cluster.nodes.map((node) =>
    node.agent.state !== 'online'
      ? node
      : {
          ...node,
          agent: {
            ...node.agent,
            facts: {
              ...node.agent.facts,
              files: node.agent.facts.files.map((file) => ({
                ...file,
                certificates: file.certificates.map((one) => ({
                  ...one,
                  der: Buffer.from(one.fingerprint256).toString('base64'),
                })),
              })),
            },
          },
        },
  ),
});

/** What the coordinator would observe of the transport ports of a cluster. */
export const transportFacts = (
  { cas, more, alsoBy, otherNames, unseen }: TrustWorld,
  observed: ClusterObservation,
): TransportFacts => {
  const cluster = withBytes(observed);
  const ca = cas[cluster.name] ?? '';
  const byStore = ({ agent }: ClusterObservation['nodes'][number]): boolean =>
    agent.state === 'online' && agent.facts.settingsFile.values[AUTHORITIES] === undefined;
  const stored = [ca, ...(more[cluster.name] ?? [])].map((name) => ({
    ...{ subject: `CN=${name}`, issuer: 'CN=ca', serial: serialOf(name) },
    notAfter: authority(name).facts.notAfter,
  }));
  const each = <T>(look: (name: string) => T): Map<string, T> =>
    new Map(cluster.nodes.map(({ name }) => [name, look(name)]));
  return {
    cluster,
    ports: each((name) => ({
      ...{ names: [], fingerprint256: `served by ${name}`, sans: [], issuers: [authority(ca)], problem: '' },
      ...(unseen.includes(name) ? {} : { otherNames: otherNames[cluster.name] ?? [] }),
    })),
    stores: new Map(cluster.nodes.filter(byStore).map(({ name }) => [name, stored])),
    addresses: new Map(cluster.nodes.map((node) => [node.name, `${node.transportHost}:${PORT}`])),
    anchors: each((name) => (unseen.includes(name) ? 'connection refused' : authority(ca))),
    waysIn: each((name) => (unseen.includes(name) ? [] : [ca, ...(alsoBy[cluster.name] ?? [])])),
  };
};

/** CAs that a process trusts on its transport port. */
const trustedBy = (one: TrustWorld, cluster: ClusterWorld, node: NodeWorld): string[] => {
  const named = [node.running.settings[AUTHORITIES] ?? []].flat().map(String);
  if (node.running.settings[`${TRANSPORT}.truststore.path`] !== undefined) {
    if (named.length > 0) throw new Error(`${node.name} does not start: a truststore beside PEM files`);
    return [one.cas[cluster.name] ?? '', ...(one.more[cluster.name] ?? [])];
  }
  return named.flatMap((path) => node.files[path]?.certificates ?? []);
};

/** Nodes that would not be let in by others of their own cluster, by name. */
export const strangers = (one: TrustWorld): string[] =>
  sidesOf(one).flatMap((cluster) =>
    cluster.nodes
      .filter((node) => {
        const ways = [one.cas[cluster.name] ?? '', ...(one.alsoBy[cluster.name] ?? [])];
        return !trustedBy(one, cluster, node).some((ca) => ways.includes(ca));
      })
      .map(({ name }) => name),
  );

const seedsOf = ({ made }: TrustWorld, alias: string): string[] =>
  [made.local.persistent[`cluster.remote.${alias}.seeds`] ?? []].flat();

/** A proxy leads to the port that its address has. */
const proxyPort = ({ made }: TrustWorld, alias: string): number | undefined => {
  const address = made.local.persistent[`cluster.remote.${alias}.proxy_address`];
  return address === undefined ? undefined : Number(/\d+$/.exec(String(address))?.[0]);
};

/** Whether a request crosses from a node that has no key: both sides trust each other, and a seed is a transport port. */
const crossesWithoutKey = (one: TrustWorld, node: NodeWorld, alias: string): boolean => {
  const { local, remote } = one.made;
  const ports = remote.nodes.map(({ transportHost }) => `${transportHost}:${PORT}`);
  return (
    (proxyPort(one, alias) === PORT || seedsOf(one, alias).some((seed) => ports.includes(seed))) &&
    trustedBy(one, local, node).includes(one.cas.us ?? '') &&
    remote.nodes.every((other) => trustedBy(one, remote, other).includes(one.cas.eu ?? ''))
  );
};

/** From one that has a key: what is no remote cluster server refuses it, and the next seed is tried. */
const crossesWithKey = (one: TrustWorld, alias: string): boolean => {
  const made = structuredClone(one.made);
  const servers = seedsOf(one, alias).filter((seed) => !seed.endsWith(`:${PORT}`));
  if (proxyPort(one, alias) === PORT) return false;
  if (proxyPort(one, alias) === undefined) made.local.persistent[`cluster.remote.${alias}.seeds`] = servers;
  made.local.nodes = made.local.nodes.filter(({ running }) => running.credentials[alias] !== undefined);
  return isConnected(made, alias);
};

/** Nodes of the local cluster from which nothing crosses over an alias, by name. */
export const cutOff = (one: TrustWorld, alias = 'us'): string[] =>
  one.made.local.nodes
    .filter((node) =>
      node.running.credentials[alias] === undefined
        ? !crossesWithoutKey(one, node, alias)
        : !crossesWithKey(one, alias),
    )
    .map(({ name }) => name);

const take = (one: TrustWorld, step: AnyStep): void => {
  if (step.kind === 'connection.record' && isByCertificate(step.input.connection)) {
    const { connection } = step.input;
    one.records = [...one.records.filter(({ alias }) => alias !== connection.alias), connection];
    return;
  }
  if (step.kind === 'connection.prove') {
    const left = cutOff(one, step.input.alias);
    if (left.length > 0) throw new Error(`nothing crosses from ${left.join(', ')}`);
    return;
  }
  if (step.kind === 'connection.record')
    one.records = one.records.filter(({ alias }) => alias !== step.input.connection.alias);
  if (step.kind === 'inventory.put-back')
    one.records = one.records.filter(
      ({ local, alias }) => !step.input.records.some(({ id }) => id === `${local}/${alias}`),
    );
  one.made = applySteps(one.made, [step]);
};

/** The world after these steps; each is told what it did. The world that was given stays as it is. */
export const carriedOut = (
  before: TrustWorld,
  steps: readonly AnyStep[],
  look: (one: TrustWorld, step: AnyStep) => void = () => undefined,
): TrustWorld => {
  const one = structuredClone(before);
  for (const step of steps) {
    take(one, step);
    look(one, step);
  }
  return one;
};

/** All connections on record. */
export const recordsOf = ({ made, records }: TrustWorld): AnyConnectionRecord[] => [...made.connections, ...records];
