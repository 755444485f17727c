import { X509Certificate } from 'node:crypto';
import { messageOf } from '@remora/shared/errors.ts';
import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import { listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import { anchorsOfChain } from '../../pki/anchor.ts';
import { describeCertificate } from '../../pki/describe.ts';
import type { AdoptionFacts, KnownKeys, ServedAuthority, UsedKey } from '../../plan/adopt/facts.ts';
import { remotesOf, standingOf, usedIds } from '../../plan/adopt/found-key.ts';
import { inCluster, isRegistered } from '../../plan/connection/alias-place.ts';
import { refusedKeyId } from '../../plan/connection/proof-hints.ts';
import type { DialTarget } from '../../plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import { checkedIndices } from '../../plan/keys/cluster-key.ts';
import { isKeyOf } from '../../plan/keys/key-names.ts';
import { hasPlaceholder } from '../../plan/node/loaded.ts';
import { connectingNodes, fileSetting, itemsOf } from '../../plan/node/nodes.ts';
import { sslPrefix } from '../../plan/node/ssl.ts';
import type { CaRecord } from '../../plan/records.ts';
import { observeKeys } from '../keys/observe-keys.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { targetsOf } from './connection-paths.ts';
import { askOver, proveConnection } from './proof.ts';

const READ_TIMEOUT_MS = 60_000;
const PROBE_TIMEOUT_MS = 5000;

/** Asks for indices that hardly any key grants until one is refused: the refusal names the key. */
const usedBy = async (parts: ObserveParts, cluster: string, node: string, alias: string): Promise<UsedKey> => {
  const answers: string[] = [];
  try {
    for (const index of checkedIndices) {
      const answer = await askOver(parts, { cluster, node }, alias, index);
      const id = typeof answer === 'object' ? refusedKeyId(answer) : null;
      if (id !== null) return { node, id, answer: '' };
      answers.push(typeof answer === 'string' ? answer : (answer?.error ?? `connected: ${answer?.connected}`));
    }
  } catch (error) {
    answers.push(messageOf(error));
  }
  return { node, id: null, answer: answers.at(-1) ?? '' };
};

/** What every cluster of the inventory says of keys, of which the nodes use some. */
const knownKeys = async (parts: ObserveParts, ids: readonly string[]): Promise<KnownKeys[]> => {
  const clusters = ids.length === 0 ? [] : await parts.inventory.clusters.list();
  return Promise.all(
    clusters.map(async ({ name: cluster }): Promise<KnownKeys> => {
      try {
        const keys = await listCrossClusterKeys(await parts.clients.get(cluster), cluster);
        return { cluster, keys: keys.filter(({ id }) => ids.includes(id)) };
      } catch (error) {
        return { cluster, keys: messageOf(error) };
      }
    }),
  );
};

const pemOf = (der: string): string => `${new X509Certificate(Buffer.from(der, 'base64')).toString().trim()}\n`;

/** The certificates in the PEM files by which a node trusts remote clusters, as PEM. A truststore has a password, which no agent knows. */
const trustedBy = async (parts: ObserveParts, cluster: string, node: NodeObservation): Promise<string[]> => {
  const named = itemsOf(fileSetting(node, `${sslPrefix.remote_cluster_client}.certificate_authorities`));
  const files = named.filter((path) => !hasPlaceholder(path));
  if (files.length === 0 || node.agent.state !== 'online') return [];
  const input = { settings: [], files, keystore: false, judge: true };
  const at = { cluster, node: node.name };
  const found = await parts.agents.read(at, 'inspect', input, { timeoutMs: READ_TIMEOUT_MS });
  return found.files.flatMap(({ certificates }) =>
    certificates.flatMap(({ der }) => (der === undefined ? [] : [pemOf(der)])),
  );
};

const UNKNOWN_CA =
  'what is served there leads to no CA that is known here: no PEM file in certificate_authorities of the local nodes holds it, nor does the server send it. File it with `remora ca import NAME --cert FILE` first.';

/** One handshake that trusts nothing: what is served is asked. */
const servedAt = async (
  parts: ObserveParts,
  from: { readonly cluster: string; readonly node: string },
  { address, serverName }: DialTarget,
  candidates: readonly string[],
): Promise<ServedAuthority> => {
  try {
    const tls = { judge: true, ...(serverName ? { serverName } : {}) };
    const input = { ...parseAddress(address), timeoutMs: PROBE_TIMEOUT_MS, tls };
    const found = await parts.agents.read(from, 'probe', input, { timeoutMs: PROBE_TIMEOUT_MS * 3 });
    const chain = (found.tls?.chain ?? []).flatMap(({ der }) => (der === undefined ? [] : [pemOf(der)]));
    if (chain.length === 0) return { address, ca: null, problem: found.tls?.error || `${found.tcp}: ${found.detail}` };
    // What a server sends along is no trust of anybody's, but tells which CA it is that is trusted by a truststore.
    const [certificatePem] = [...anchorsOfChain(chain, candidates), ...anchorsOfChain(chain, chain.slice(1).slice(-1))];
    if (certificatePem === undefined) return { address, ca: null, problem: UNKNOWN_CA };
    const { selfSigned: _, isCa: __, ...facts } = describeCertificate(certificatePem);
    return { address, ca: { certificatePem, facts }, problem: '' };
  } catch (error) {
    return { address, ca: null, problem: messageOf(error) };
  }
};

/** What is served at each address that the local nodes connect to, seen from one of them. */
const observeServers = async (
  parts: ObserveParts,
  { local, remote, alias }: { local: ClusterObservation; remote: string; alias: string },
  cas: readonly CaRecord[],
): Promise<ServedAuthority[]> => {
  const nodes = connectingNodes(local, inCluster).filter(({ agent }) => agent.state === 'online');
  const [first] = nodes;
  if (!first) return [];
  const [targets, trusted] = await Promise.all([
    targetsOf(parts, local, { local: local.name, alias, remote, auth: 'api_key' }),
    Promise.all(nodes.map((node) => trustedBy(parts, local.name, node))),
  ]);
  const candidates = [...cas.map(({ certificatePem }) => certificatePem), ...trusted.flat()];
  const from = { cluster: local.name, node: first.name };
  return Promise.all(targets.map((target) => servedAt(parts, from, target, candidates)));
};

/** Gathers everything that the adopt planner looks at. Changes nothing, and reads no secret. */
export const observeAdoption = async (parts: ObserveParts, request: AdoptRequest): Promise<AdoptionFacts> => {
  const { alias } = request;
  const [local, connections, cas, certificates, apiKeys, secretVersions] = await Promise.all([
    observeWhole(parts, request.local),
    parts.inventory.connections.list(),
    parts.inventory.cas.list(),
    parts.inventory.certificates.list(),
    parts.inventory.apiKeys.list(),
    parts.secretVersions(),
  ]);
  const standing = standingOf({ connections }, request);
  const isThere = isRegistered(local, { alias });
  const asked = isThere ? connectingNodes(local, inCluster).filter(({ agent }) => agent.state === 'online') : [];
  const used = await Promise.all(asked.map(({ name }) => usedBy(parts, local.name, name, alias)));
  const ids = usedIds(used);
  const before = standing?.adopted?.key.id;
  const clusters = await knownKeys(parts, [...ids, ...(before === undefined ? [] : [before])]);
  const found = remotesOf(request, { used, clusters });
  const name = standing?.remote ?? (found.length === 1 ? found[0] : undefined);
  const remote = name === undefined ? undefined : await observeWhole(parts, name);
  const ours =
    name === undefined
      ? []
      : apiKeys.filter((record) => isKeyOf(record, { local: request.local, remote: name, alias }));
  const [proof, keys, servers] = await Promise.all([
    isThere ? proveConnection(parts, local.name, alias, ids.length === 1 ? (ids[0] ?? null) : null) : [],
    name === undefined ? [] : observeKeys(await parts.clients.get(name), ours, secretVersions, parts.clock()),
    name === undefined || (standing && !standing.adopted)
      ? []
      : observeServers(parts, { local, remote: name, alias }, cas),
  ]);
  return {
    ...{ local, remote, used, proof, clusters, servers, connections, cas, apiKeys, keys, secretVersions },
    certificates: certificates.filter(
      ({ cluster, purpose }) => cluster === name && purpose === 'remote_cluster_server',
    ),
  };
};
