import { messageOf } from '@remora/shared/errors.ts';
import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { listCrossClusterKeys } from '../../elasticsearch/api-keys.ts';
import { observeCluster } from '../../elasticsearch/observe-cluster.ts';
import { keyConnections } from '../../plan/connection/connection-records.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import { type ClusterKey, isLiving, markOf } from '../../plan/keys/cluster-key.ts';
import type { ApiKeyRecord } from '../../plan/records.ts';
import { meantConnections } from '../../plan/rotate-key/chosen.ts';
import type { KeyRotationFacts } from '../../plan/rotate-key/facts.ts';
import { problemsOf } from '../certificates/observe-ca-rotation.ts';
import { type Looked, lookAt } from '../certificates/observe-rotation.ts';
import type { ObserveParts } from '../observe-nodes.ts';
import { foundKey } from './observe-keys.ts';

/** Remote clusters: what their API says is all that is needed of them. */
const lookAtBare = async (parts: ObserveParts, names: readonly string[]): Promise<Looked> =>
  new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, ClusterObservation | string]> => {
        try {
          const bare = await observeCluster(name, await parts.clients.get(name));
          const nodes = bare.nodes.map((node) => ({
            ...{ ...node, agent: { state: 'missing' } as const, loadedCertificates: null },
          }));
          return [name, { ...bare, nodes, absentNodes: [] }];
        } catch (error) {
          return [name, messageOf(error)];
        }
      }),
    ),
  );

type Keys = Pick<KeyRotationFacts, 'keys' | 'strays'>;

/** What a remote cluster says of the keys on record and of others that Remora made; of one that cannot be asked the keys as they stand on record. */
const keysIn = async (
  parts: ObserveParts,
  cluster: string,
  records: readonly ApiKeyRecord[],
  seen: ClusterObservation | string | undefined,
): Promise<Keys> => {
  if (typeof seen !== 'object' || seen.missingPrivileges.includes('manage_security'))
    return { keys: records.map((record) => ({ record, key: null, usable: false })), strays: [] };
  const [all, secrets] = await Promise.all([
    parts.clients.get(cluster).then((client) => listCrossClusterKeys(client, cluster)),
    parts.secretVersions(),
  ]);
  const nowMs = parts.clock().getTime();
  const isStray = (key: ClusterKey): boolean =>
    markOf(key) !== null && isLiving(key, nowMs) && !records.some(({ id }) => id === key.id);
  return {
    keys: records.map((record) => foundKey(record, all.find(({ id }) => id === record.id) ?? null, secrets, nowMs)),
    strays: all.filter(isStray).map((key) => ({ cluster, key })),
  };
};

/** By remote cluster; all keys on record there, whichever connection they are of. */
const keysOf = async (parts: ObserveParts, remotes: ReadonlySet<string>, looked: Looked): Promise<Keys> => {
  const records = await parts.inventory.apiKeys.list();
  const found = await Promise.all(
    [...remotes].map((name) =>
      keysIn(
        parts,
        name,
        records.filter(({ cluster }) => cluster === name),
        looked.get(name),
      ),
    ),
  );
  return { keys: found.flatMap(({ keys }) => keys), strays: found.flatMap(({ strays }) => strays) };
};

/** Gathers everything that the planner of a key's rotation looks at. Changes nothing; throws `not-found` where what was named has no connection. */
export const observeKeyRotation = async (
  parts: ObserveParts,
  request: Pick<KeyRotateRequest, 'local' | 'alias'>,
): Promise<KeyRotationFacts> => {
  const [all, secretVersions] = await Promise.all([parts.inventory.connections.list(), parts.secretVersions()]);
  const connections = keyConnections(all);
  const meant = meantConnections(request, all);
  const names = [...new Set(meant.map(({ local }) => local))].sort();
  const others = [...new Set(meant.map(({ remote }) => remote))].sort().filter((name) => !names.includes(name));
  const [locals, bare] = await Promise.all([lookAt(parts, names), lookAtBare(parts, others)]);
  const looked: Looked = new Map([...locals, ...bare]);
  const clusters = [...looked.values()].filter((found) => typeof found === 'object');
  const remotes = new Set(meant.map(({ remote }) => remote));
  const [keys, problems] = await Promise.all([keysOf(parts, remotes, looked), problemsOf(parts, clusters, meant)]);
  const unseen = [...looked].flatMap(([name, found]) => (typeof found === 'string' ? [[name, found] as const] : []));
  return { connections, clusters, unseen: new Map(unseen), ...keys, secretVersions, problems };
};
