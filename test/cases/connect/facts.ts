import { createHash } from 'node:crypto';
import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { formatAddress } from '@remora/shared/model/values/address.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { plannedAddresses } from '../../../coordinator/src/plan/connect/connect.ts';
import { type AliasPlace, isRegistered, placeOf } from '../../../coordinator/src/plan/connection/alias-place.ts';
import type {
  AgentObservation,
  ClusterObservation,
  ConnectFacts,
  FlatSettings,
  NodeObservation,
  PathObservation,
} from '../../../coordinator/src/plan/facts.ts';
import { connectingNodes } from '../../../coordinator/src/plan/node/nodes.ts';
import { isConnected } from './truth.ts';
import { type ClusterWorld, listening, type NodeWorld, type World } from './world.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The request of most cases; give what differs. */
export const request = (wish: Partial<ConnectRequest> = {}): ConnectRequest => ({
  local: 'eu',
  remote: 'us',
  alias: 'us',
  mode: 'sniff',
  ...(wish.access || wish.replication ? {} : { search: ['logs-*'] }),
  ...wish,
});

export const certificateFacts = (fingerprint256: string, notBefore: number, notAfter: number): CertificateFacts => ({
  subject: `CN=${fingerprint256}`,
  issuer: 'CN=ca',
  sans: [],
  notBefore: new Date(notBefore).toISOString(),
  notAfter: new Date(notAfter).toISOString(),
  fingerprint256,
  serial: '01',
});

/** Digest of elasticsearch.yml as the model has it: other after every change. */
export const ymlDigest = ({ yml }: NodeWorld): string => sha256(JSON.stringify([yml.values, yml.modifiedAtMs]));

const nodeFacts = (node: NodeWorld): NodeFacts => ({
  agent: { version: '0.1.0', pid: 99, clockMs: 0, fence: 0, openDelivery: null, freeBytes: 1e9 },
  host: { ...node.host },
  process: {
    running: node.agentPid !== null,
    pid: node.agentPid,
    identity: node.agentPid === null ? null : `${node.agentPid}:${node.startedAtMs}`,
    startedAtMs: node.startedAtMs,
  },
  settingsFile: {
    path: '/etc/elasticsearch/elasticsearch.yml',
    digest: ymlDigest(node),
    modifiedAtMs: node.yml.modifiedAtMs,
    values: Object.fromEntries(
      Object.entries(node.yml.values).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]),
    ) as NodeFacts['settingsFile']['values'],
    refusal: node.yml.refusal,
  },
  keystore: {
    exists: true,
    digest: sha256(JSON.stringify(node.keystore.entries)),
    passwordProtected: node.keystore.refusal !== null,
    entries: node.keystore.refusal
      ? null
      : Object.entries(node.keystore.entries).map(([name, entry]) => ({ name, ...entry })),
    refusal: node.keystore.refusal,
  },
  files: Object.entries(node.files).map(([path, { source, certificates, trustedNames }]) => ({
    path,
    digest: sha256(String(source)),
    source,
    modifiedAtMs: 0,
    certificates: certificates.map((fingerprint) => certificateFacts(fingerprint, 0, 0)),
    ...(trustedNames === undefined ? {} : { trustedNames }),
  })),
  configDirRefusal: node.configDirRefusal,
  configDir: '/etc/elasticsearch',
});

const agentOf = (node: NodeWorld): AgentObservation => {
  if (typeof node.agent === 'object') return { state: 'failed', reason: node.agent.failed };
  return node.agent === 'online'
    ? { state: 'online', facts: nodeFacts(node), clockSkewMs: node.clockSkewMs }
    : { state: node.agent };
};

/** Elasticsearch never shows settings that hold paths of keys and certificates. */
const isFiltered = (name: string): boolean => /\.ssl\..*(path|certificate|key|certificate_authorities)$/.test(name);

const shown = (settings: Record<string, SettingValue>): FlatSettings =>
  Object.fromEntries(
    Object.entries(settings)
      .filter(([name]) => !isFiltered(name))
      .map(([name, value]) => [name, Array.isArray(value) ? value.map(String) : String(value)]),
  );

const published = (node: NodeWorld): NodeObservation['remoteClusterServer'] => {
  const server = listening(node);
  if (!server) return null;
  const [first = '', address] = server.names;
  const host = formatAddress({ host: first, port: server.port });
  return { publishAddress: address === undefined ? host : `${first}/${address}:${server.port}` };
};

const observeNode = (node: NodeWorld): NodeObservation => ({
  name: node.name,
  nodeId: `id-${node.name}`,
  version: node.version,
  roles: node.roles,
  attributes: {},
  electedMaster: node.electedMaster,
  pid: node.pid,
  startedAtMs: node.startedAtMs,
  settings: shown(node.running.settings),
  loadedCertificates: node.sslAnswers ? node.running.certificatePaths : null,
  remoteClusterServer: published(node),
  transportHost: node.transportHost,
  agent: agentOf(node),
});

const observe = ({ hidden: _, ...cluster }: ClusterWorld): ClusterObservation => ({
  ...cluster,
  clusterUuid: `uuid-${cluster.name}`,
  nodes: cluster.nodes.map(observeNode),
});

/** From every connecting node: open where something listens, refused elsewhere, or what the world's network says. */
const observePaths = (
  world: World,
  local: ClusterObservation,
  place: AliasPlace,
  addresses: readonly string[],
): PathObservation[] => {
  const open = new Set(
    world.remote.nodes.flatMap((node) => {
      const server = listening(node);
      return server ? server.names.map((host) => formatAddress({ host, port: server.port })) : [];
    }),
  );
  return connectingNodes(local, place).flatMap(({ name }) =>
    addresses.map((address) => {
      const tcp = world.network[address] ?? (open.has(address) ? 'open' : 'refused');
      return { node: name, address, tcp, detail: `connect ${tcp} ${address}` };
    }),
  );
};

/** Everything that the connect planner looks at, as the coordinator would observe it in this world. */
export const factsOf = (world: World, request: ConnectRequest): ConnectFacts => {
  const [local, remote] = [observe(world.local), observe(world.remote)];
  const { alias } = request;
  const standing = isRegistered(local, world.connections.find((one) => one.alias === alias) ?? { alias });
  return structuredClone({
    local,
    remote,
    connections: world.connections,
    cas: world.cas,
    certificates: world.certificates,
    others: { connections: [], proxies: [], seeds: [], unknownProxies: [], trust: [], unasked: [] },
    signed: world.signed,
    signerSubjects: new Map(
      world.signed.flatMap(({ id, signed }): [string, string][] => (signed ? [[id, signed.facts.subject]] : [])),
    ),
    otherNodes: [],
    keys: world.keys,
    signers: world.signers,
    foreignIdentities: world.foreignIdentities,
    paths: observePaths(world, local, placeOf(request), plannedAddresses(remote, request)),
    secretVersions: world.secretVersions,
    proven: standing ? isConnected(world, request.alias) : null,
  });
};
