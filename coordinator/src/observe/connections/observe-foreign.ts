import { X509Certificate } from 'node:crypto';
import type { ForeignConnectRequest } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import { parsePemBundle } from '../../pki/describe.ts';
import { readCa } from '../../pki/read/read-ca.ts';
import { foreignAddresses } from '../../plan/connect-foreign/connect-foreign.ts';
import type { ForeignConnectFacts, GivenCa, WayObservation } from '../../plan/connect-foreign/facts.ts';
import { inCluster } from '../../plan/connection/alias-place.ts';
import { isForeign } from '../../plan/connection/connection-records.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import { connectingNodes } from '../../plan/node/nodes.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { observeProof } from './observe-connect.ts';

const PROBE_TIMEOUT_MS = 5000;

/** Each is checked: it can be a CA, and has not ended. Throws `bad-input`. */
const readCas = (caPem: string | null, now: Date): Promise<GivenCa[]> =>
  Promise.all(
    (caPem === null ? [] : parsePemBundle(caPem, '--remote-ca')).map(async (pem) => {
      const { certificatePem, facts } = await readCa(
        { certificate: Buffer.from(pem), key: null, passphrase: null },
        now,
      );
      const { selfSigned: _, isCa: __, ...shown } = facts;
      return { certificatePem: new X509Certificate(certificatePem).toString(), facts: shown };
    }),
  );

/** A handshake as Elasticsearch would make it, from every node that connects to every address; the public CAs are those that Node.js brings. */
const observeWays = (
  parts: ObserveParts,
  local: ClusterObservation,
  request: ForeignConnectRequest,
): Promise<WayObservation[]> => {
  const { caPem, mode, serverName } = request;
  const nodes = connectingNodes(local, inCluster).filter(({ agent }) => agent.state === 'online');
  const look = async (node: string, address: string): Promise<WayObservation> => {
    const { host, port } = parseAddress(address);
    const named = mode === 'proxy' && serverName !== undefined ? { serverName } : {};
    const tls = { ...(caPem === null ? {} : { caPem }), ...named };
    const input = { host, port, timeoutMs: PROBE_TIMEOUT_MS, tls };
    const found = await parts.agents.read({ cluster: local.name, node }, 'probe', input, {
      timeoutMs: PROBE_TIMEOUT_MS * 3,
    });
    const { trusted = false, error = '', chain = [] } = found.tls ?? {};
    const way = { node, address, tcp: found.tcp, detail: found.detail };
    return { ...way, tls: found.tls === undefined ? null : { trusted, error, leaf: chain[0] ?? null } };
  };
  return Promise.all(nodes.flatMap(({ name }) => foreignAddresses(request).map((address) => look(name, address))));
};

/** Gathers everything that the planner of a connection to a cluster of others looks at. Changes nothing, and asks nothing of that cluster but a handshake. */
export const observeForeignConnect = async (
  parts: ObserveParts,
  request: ForeignConnectRequest,
): Promise<ForeignConnectFacts> => {
  const { inventory } = parts;
  const given = await readCas(request.caPem, parts.clock());
  const [local, connections, cas, clusters, secretVersions] = await Promise.all([
    observeWhole(parts, request.local),
    inventory.connections.list(),
    inventory.cas.list(),
    inventory.clusters.list(),
    parts.secretVersions(),
  ]);
  const standing = connections.find((one) => one.local === request.local && one.alias === request.alias);
  const known = clusters.find(({ clusterUuid }) => clusterUuid === request.clusterUuid);
  return {
    ...{ local, connections, cas, given, secretVersions, knownAs: known?.name ?? null },
    ways: await observeWays(parts, local, request),
    proven:
      local.security === 'on' && (standing === undefined || isForeign(standing))
        ? await observeProof(parts, local, request.alias, standing)
        : null,
  };
};
