import {
  asConnectRequest,
  type HandedKey,
  type KeyCreateRequest,
} from '@remora/shared/model/requests/key-create-request.ts';
import { listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import { parsePemBundle } from '../../pki/describe.ts';
import { keyConnections } from '../../plan/connection/connection-records.ts';
import { unseenCluster } from '../../plan/connection/unseen-cluster.ts';
import type { ConnectFacts } from '../../plan/facts.ts';
import { handedVersion } from '../../plan/keys/handed-key.ts';
import type { HandedKeyFacts } from '../../plan/revoke-handed-key/revoke-handed-key.ts';
import { observeOwned, otherNodes } from '../connections/observe-connect.ts';
import { observeClients } from '../observe-clients.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';

/** Gathers what the planner of a key for others looks at: the remote cluster, and what is on record of it. Changes nothing; `bad-input` for a CA that cannot be read. */
export const observeKeyCreation = async (parts: ObserveParts, request: KeyCreateRequest): Promise<ConnectFacts> => {
  const { inventory } = parts;
  if (typeof request.serverCa === 'string') parsePemBundle(request.serverCa, '--server-ca');
  const wish = asConnectRequest(request);
  const [remote, all, cas, certificates, apiKeys, secretVersions, signed, joined] = await Promise.all([
    observeWhole(parts, request.remote),
    inventory.connections.list(),
    inventory.cas.list(),
    inventory.certificates.list(),
    inventory.apiKeys.list(),
    parts.secretVersions(),
    inventory.signingRequests.list(),
    inventory.nodes.list(),
  ]);
  const ours = apiKeys.filter((record) => handedVersion({ record }, request) > 0);
  const seesKeys = remote.security === 'on' && !remote.missingPrivileges.includes('manage_security');
  const [keys, others] = await Promise.all([
    seesKeys ? observeOwned(parts, request.remote, ours, secretVersions) : [],
    observeClients(parts, remote, wish.given === undefined ? [] : keyConnections(all)),
  ]);
  return {
    ...{ local: unseenCluster(request.for, ''), remote, connections: all, cas, keys, secretVersions, signed, others },
    signerSubjects: new Map(),
    ...{ signers: [], foreignIdentities: [] },
    ...{ paths: [], proven: null, otherNodes: otherNodes(joined, [request.remote]) },
    certificates: certificates.filter(
      ({ cluster, purpose }) => cluster === request.remote && purpose === 'remote_cluster_server',
    ),
  };
};

/** The keys of a remote cluster, as it knows them and as they are on record. */
export const observeHandedKeys = async (
  { clients, inventory }: Pick<ObserveParts, 'clients' | 'inventory'>,
  { remote }: HandedKey,
): Promise<HandedKeyFacts> => {
  const [keys, records] = await Promise.all([
    clients.get(remote).then((client) => listCrossClusterKeys(client, remote)),
    inventory.apiKeys.list(),
  ]);
  return { keys, records };
};
