import { type ConnectRequest, isSigned } from '@remora/shared/model/requests/connect-request.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import { listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import { elasticsearchName } from '../../pki/names/elasticsearch-name.ts';
import { plannedAddresses } from '../../plan/connect/connect.ts';
import { type AliasPlace, isRegistered, onlyNodes, placeOf } from '../../plan/connection/alias-place.ts';
import { type AnyConnectionRecord, keyConnections, proofOf } from '../../plan/connection/connection-records.ts';
import type { ClusterObservation, ConnectFacts, KeyObservation, PathObservation } from '../../plan/facts.ts';
import { isLiving } from '../../plan/keys/cluster-key.ts';
import { isKeyOf } from '../../plan/keys/key-names.ts';
import type { NodeId } from '../../plan/node/node-id.ts';
import { connectingNodes } from '../../plan/node/nodes.ts';
import type { ApiKeyRecord, NodeRecord } from '../../plan/records.ts';
import { observeKeys } from '../keys/observe-keys.ts';
import { observeClients } from '../observe-clients.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { isProven, proveConnection } from './proof.ts';

const PROBE_TIMEOUT_MS = 5000;

const probe = async (parts: ObserveParts, cluster: string, node: string, address: string): Promise<PathObservation> => {
  const { host, port } = parseAddress(address);
  const found = await parts.agents.read(
    { cluster, node },
    'probe',
    { host, port, timeoutMs: PROBE_TIMEOUT_MS },
    { timeoutMs: PROBE_TIMEOUT_MS * 3 },
  );
  return { node, address, tcp: found.tcp, detail: found.detail };
};

/** Tries every address from every node that will connect. */
export const observePaths = (
  parts: ObserveParts,
  local: ClusterObservation,
  place: AliasPlace,
  addresses: readonly string[],
): Promise<PathObservation[]> => {
  const nodes = connectingNodes(local, place).filter(({ agent }) => agent.state === 'online');
  const pairs = nodes.flatMap((node) => addresses.map((address) => ({ node: node.name, address })));
  return Promise.all(pairs.map(({ node, address }) => probe(parts, local.name, node, address)));
};

const keyIdOf = async (parts: ObserveParts, connection: AnyConnectionRecord): Promise<string | null> => {
  const { keyId, keySecret } = proofOf(connection);
  if (keyId !== undefined || keySecret === null) return keyId ?? null;
  return (await parts.inventory.apiKeys.get(keySecret))?.id ?? null;
};

/** Whether a connection was proven a moment ago; null when its alias is not registered. */
export const observeProof = async (
  parts: ObserveParts,
  local: ClusterObservation,
  alias: string,
  connection: AnyConnectionRecord | undefined,
): Promise<boolean | null> => {
  const standing = connection ?? { alias };
  if (!isRegistered(local, standing)) return null;
  const key = connection ? await keyIdOf(parts, connection) : null;
  return isProven(await proveConnection(parts, local.name, alias, key, onlyNodes(placeOf(standing)).nodes));
};

/** The keys, and which of them belong to another user than Remora has in their cluster now. */
export const observeOwned = async (
  parts: Pick<ObserveParts, 'clients' | 'clock'>,
  cluster: string,
  records: readonly ApiKeyRecord[],
  secrets: Readonly<Record<string, number>>,
): Promise<KeyObservation[]> => {
  const { user } = await parts.clients.record(cluster);
  const found = await observeKeys(await parts.clients.get(cluster), records, secrets, parts.clock());
  return found.map((one) => (one.key && one.key.owner !== user ? { ...one, otherOwner: one.key.owner } : one));
};

/** Living keys that demand a signature, and that are not on record. */
const observeForeignIdentities = async (
  parts: ObserveParts,
  cluster: string,
  records: readonly ApiKeyRecord[],
): Promise<string[]> => {
  const keys = await listCrossClusterKeys(await parts.clients.get(cluster), cluster);
  const nowMs = parts.clock().getTime();
  return keys
    .filter((key) => isLiving(key, nowMs) && key.certificateIdentity !== null)
    .filter(({ id }) => !records.some((record) => record.id === id))
    .map(({ name, id }) => `${name} (${id})`)
    .sort();
};

/** Nodes with agents of other clusters than these. */
export const otherNodes = (joined: readonly NodeRecord[], clusters: readonly string[]): NodeId[] =>
  joined.filter(({ cluster }) => !clusters.includes(cluster)).map(({ cluster, node }) => ({ cluster, node }));

/** Gathers everything that the connect planner looks at. Changes nothing. */
export const observeConnect = async (parts: ObserveParts, request: ConnectRequest): Promise<ConnectFacts> => {
  const [local, remote, connections, cas, certificates, apiKeys, secretVersions, signed, joined, signers] =
    await Promise.all([
      observeWhole(parts, request.local),
      observeWhole(parts, request.remote),
      parts.inventory.connections.list(),
      parts.inventory.cas.list(),
      parts.inventory.certificates.list(),
      parts.inventory.apiKeys.list(),
      parts.secretVersions(),
      parts.inventory.signingRequests.list(),
      parts.inventory.nodes.list(),
      parts.inventory.signingCertificates.list(),
    ]);
  const connection = connections.find((one) => one.local === request.local && one.alias === request.alias);
  const ours = apiKeys.filter((record) => isKeyOf(record, request));
  const isOther = (one: AnyConnectionRecord): boolean => one.local !== request.local || one.alias !== request.alias;
  const secure = remote.security === 'on' && local.security === 'on';
  const seesKeys = secure && !remote.missingPrivileges.includes('manage_security');
  const [paths, keys, proven, others, foreignIdentities] = await Promise.all([
    observePaths(parts, local, placeOf(request), plannedAddresses(remote, request)),
    seesKeys ? observeOwned(parts, request.remote, ours, secretVersions) : [],
    secure ? observeProof(parts, local, request.alias, connection) : null,
    observeClients(parts, remote, request.given === undefined ? [] : keyConnections(connections.filter(isOther))),
    seesKeys && isSigned(request) ? observeForeignIdentities(parts, request.remote, apiKeys) : [],
  ]);
  return {
    local,
    remote,
    connections,
    cas,
    certificates: certificates.filter(
      ({ cluster, purpose }) => cluster === request.remote && purpose === 'remote_cluster_server',
    ),
    signerSubjects: new Map(
      signed.flatMap(({ id, purpose, signed: one }): [string, string][] =>
        purpose === 'remote_signing' && one !== null ? [[id, elasticsearchName(one.certificatePem)]] : [],
      ),
    ),
    ...{ others, signed, signers, foreignIdentities, otherNodes: otherNodes(joined, [request.remote]) },
    keys,
    paths,
    secretVersions,
    proven,
  };
};
