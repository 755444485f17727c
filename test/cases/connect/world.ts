import type { SettingValue } from '@remora/shared/settings.ts';
import type { DeploymentSeen } from '../../../coordinator/src/plan/cloud-deployment/facts.ts';
import type { ConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { PathObservation } from '../../../coordinator/src/plan/facts.ts';
import type {
  ApiKeyRecord,
  CaRecord,
  CertificateRecord,
  SigningCertificateRecord,
  SigningRequestRecord,
} from '../../../coordinator/src/plan/records.ts';
import type { ShardCopy } from '../../../coordinator/src/plan/roll/shards.ts';
import type { DirectRelationship } from '../../../coordinator/src/plan/trust/cloud-trust.ts';

/**
 * A small model of two clusters and of what Remora keeps of them, from which facts are observed (facts.ts) and to which plans are applied (apply.ts). It is
 * mutable on purpose: a case begins with a world and bends it. What a process has loaded is kept apart from what the files say, as in reality.
 */

export interface NodeWorld {
  name: string;
  version: string;
  roles: string[];
  electedMaster: boolean;
  pid: number;
  startedAtMs: number;
  /** Where the transport publishes, and the bind host that the remote cluster server falls back to. */
  transportHost: string;
  host: { hostname: string; addresses: string[]; machineId: string };
  running: {
    /** Explicit settings of the process, as `_nodes/settings` shows them. */
    settings: Record<string, SettingValue>;
    certificatePaths: string[];
    /** Loaded credentials by alias: the secret's reference, null when somebody else wrote it. */
    credentials: Record<string, string | null>;
    /** Loaded passwords of the files with which it signs, by alias. */
    signingPasswords: Record<string, string | null>;
  };
  /** False: `_ssl/certificates` cannot be asked. */
  sslAnswers: boolean;
  /** Settings given with `-E` or by a container's environment: no file has them, every process does. */
  commandLine: Record<string, SettingValue>;
  yml: { values: Record<string, SettingValue | null>; modifiedAtMs: number; refusal: string | null };
  keystore: {
    entries: Record<string, { reference: string | null; writtenAtMs: number | null }>;
    refusal: string | null;
  };
  /** Below the configuration directory: who placed the bytes, and fingerprints of the certificates in a PEM file. */
  files: Record<string, { source: string | null; certificates: string[]; trustedNames?: string[] }>;
  agent: 'online' | 'offline' | 'missing' | { failed: string };
  /** The process that the agent sees. */
  agentPid: number | null;
  clockSkewMs: number;
  configDirRefusal: string | null;
}

export interface ClusterWorld {
  name: string;
  version: string;
  minimumWireCompatibility: string;
  health: 'green' | 'yellow' | 'red';
  license: { type: string; active: boolean };
  security: 'on' | 'off';
  apiKeyService: 'on' | 'off';
  missingPrivileges: string[];
  remoteAliases: string[];
  nodes: NodeWorld[];
  persistent: Record<string, string | string[]>;
  transient: Record<string, string | string[]>;
  /** Persistent settings that Elasticsearch shows to nobody. */
  hidden: Record<string, string>;
  absentNodes: string[];
  shards: ShardCopy[];
  /** Of a deployment in Elastic Cloud, which has no nodes here. */
  deployment?: DeploymentWorld;
}

export interface DeploymentWorld extends DeploymentSeen {
  entries: string[];
  direct: DirectRelationship[];
  written: Record<string, string>;
}

export interface World {
  nowMs: number;
  local: ClusterWorld;
  remote: ClusterWorld;
  connections: ConnectionRecord[];
  cas: CaRecord[];
  certificates: CertificateRecord[];
  /** The CA that signed what is kept under this reference. */
  issuers: Record<string, string>;
  /** Certificates that were signed elsewhere. */
  signed: SigningRequestRecord[];
  keys: { record: ApiKeyRecord; usable: boolean; otherOwner?: string; certificateIdentity?: string }[];
  signers: SigningCertificateRecord[];
  /** What a file with which a node signs says, by the reference under which it is kept. */
  signatures: Record<string, { ca: string; subject: string; password: string }>;
  /** Keys of the remote cluster that others made and that demand a signature. */
  foreignIdentities: string[];
  secretVersions: Record<string, number>;
  /** A key that people made, whose value is in keystores only: nodes whose credential is nobody's reference have it. */
  handMadeKey?: { id: string; name: string; usable: boolean };
  /** The CA of what a deployment connects through, or `public`; absent where that is the remote nodes' own. */
  proxyCa?: string;
  /** What stands between the clusters, by address; what is not named here is open where something listens and refused elsewhere. */
  network: Record<string, PathObservation['tcp']>;
}

const START = Date.parse('2026-03-01T12:00:00Z');
export const allRoles = ['data', 'ingest', 'master', 'remote_cluster_client'];

/** Roles of each node, or how many nodes with all roles. */
export type Nodes = number | readonly (readonly string[])[];

const node = (cluster: string, net: number, number: number, roles: readonly string[]): NodeWorld => {
  const name = `${cluster}-${number}`;
  const address = `10.0.${net}.${number}`;
  return {
    name,
    version: '9.5.3',
    roles: [...roles],
    electedMaster: false,
    pid: net * 1000 + number,
    startedAtMs: START - 3_600_000,
    transportHost: address,
    host: { hostname: `${name}.example.com`, addresses: [address], machineId: `machine-${name}` },
    running: {
      settings: { 'node.name': name, 'network.host': address },
      certificatePaths: [],
      credentials: {},
      signingPasswords: {},
    },
    sslAnswers: true,
    commandLine: {},
    yml: {
      values: { 'node.name': name, 'network.host': address },
      modifiedAtMs: START - 7_200_000,
      refusal: null,
    },
    keystore: { entries: { 'keystore.seed': { reference: null, writtenAtMs: null } }, refusal: null },
    files: {},
    agent: 'online',
    agentPid: net * 1000 + number,
    clockSkewMs: 0,
    configDirRefusal: null,
  };
};

const cluster = (name: string, net: number, nodes: Nodes): ClusterWorld => {
  const roles = typeof nodes === 'number' ? Array.from({ length: nodes }, () => allRoles) : nodes;
  const made = roles.map((each, i) => node(name, net, i + 1, each));
  const master = made.find((one) => one.roles.includes('master') && !one.roles.includes('voting_only'));
  if (master) master.electedMaster = true;
  return {
    name,
    version: '9.5.3',
    minimumWireCompatibility: '8.19.0',
    health: 'green',
    license: { type: 'trial', active: true },
    security: 'on',
    apiKeyService: 'on',
    missingPrivileges: [],
    remoteAliases: ['*'],
    nodes: made,
    persistent: {},
    transient: {},
    hidden: {},
    absentNodes: [],
    shards: [],
  };
};

/** Remote cluster `us` and local cluster `eu`, fresh: security on, trial licence, an agent beside every node. */
export const world = (sizes: { remote?: Nodes; local?: Nodes } = {}): World => ({
  nowMs: START,
  remote: cluster('us', 1, sizes.remote ?? 3),
  local: cluster('eu', 2, sizes.local ?? 1),
  connections: [],
  cas: [],
  certificates: [],
  issuers: {},
  signed: [],
  signers: [],
  signatures: {},
  foreignIdentities: [],
  keys: [],
  secretVersions: {},
  network: {},
});

/** The same where the local cluster is a deployment in Elastic Cloud. */
export const cloudWorld = (): World => {
  const made = world({ remote: 2, local: 0 });
  made.local.deployment = {
    ...{ cloud: 'acme', id: 'd1', name: 'logs', refId: 'main', version: '9.5.3', host: 'logs.es.example.com' },
    ...{ isChanging: false, lastChangeFailed: false, entries: [], direct: [], written: {} },
  };
  return made;
};

export const deploymentIn = ({ local: { deployment } }: World): DeploymentWorld => {
  if (deployment === undefined) throw new Error('the local cluster is no deployment');
  return deployment;
};

/** The copies of shard 0 of an index, of which the first is the primary, on these nodes; null for one that is unassigned. */
export const shard = (index: string, ...nodes: readonly (string | null)[]): ShardCopy[] =>
  nodes.map((node, i) => ({
    ...{ index, shard: '0', primary: i === 0, node },
    state: node === null ? 'UNASSIGNED' : 'STARTED',
  }));

export const nodeOf = (cluster: ClusterWorld, name: string): NodeWorld => {
  const found = cluster.nodes.find((one) => one.name === name);
  if (!found) throw new Error(`there is no node ${name} in ${cluster.name}`);
  return found;
};

export const clusterOf = (world: World, name: string): ClusterWorld => {
  const found = [world.remote, world.local].find((one) => one.name === name);
  if (!found) throw new Error(`there is no cluster ${name}`);
  return found;
};

const first = (value: SettingValue | undefined): string | undefined =>
  value === undefined ? undefined : Array.isArray(value) ? String(value[0]) : String(value);

/**
 * Where the remote cluster server of a node listens, by Elasticsearch's rules: names and addresses, and the port; null while it is off. Interface names and
 * wildcards become the node's address.
 */
export const listening = (node: NodeWorld): { names: string[]; port: number } | null => {
  const { settings } = node.running;
  if (first(settings['remote_cluster_server.enabled']) !== 'true') return null;
  const wanted = first(settings['remote_cluster.publish_host']) ?? first(settings['remote_cluster.host']);
  const address = node.host.addresses[0] ?? '127.0.0.1';
  const host = wanted === undefined ? node.transportHost : /^_.*_$|^0\.0\.0\.0$|^::$/.test(wanted) ? address : wanted;
  const published = first(settings['remote_cluster.publish_port']) ?? '-1';
  const port = Number(published === '-1' ? (first(settings['remote_cluster.port']) ?? 9443) : published);
  const isAddress = /^[\d.]+$|:/.test(host);
  return { names: isAddress ? [host] : [host, address], port: port === 0 ? 39_443 : port };
};

/** A world with something changed in it, made anew for every use. */
export const changed =
  (change: (made: World) => void, make: () => World = () => world()) =>
  (): World => {
    const made = make();
    change(made);
    return made;
  };
