import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { type ConnectionRecord, keyConnections } from '../connection/connection-records.ts';
import type { ClusterKey } from '../keys/cluster-key.ts';
import type { AdoptionFacts, KnownKeys, UsedKey } from './facts.ts';

type Records = Pick<AdoptionFacts, 'connections'>;

/** The connection as it stands on record; undefined of one that is not managed yet. */
export const standingOf = (
  { connections }: Records,
  { local, alias }: Pick<AdoptRequest, 'local' | 'alias'>,
): ConnectionRecord | undefined =>
  keyConnections(connections).find((one) => one.local === local && one.alias === alias);

/** Ids of the keys that the nodes use, each once, in order. */
export const usedIds = (used: readonly UsedKey[]): string[] => [
  ...new Set(used.flatMap(({ id }) => id ?? []).toSorted()),
];

/**
 * The clusters that may be the remote one. Ids of API keys are random: a cluster that knows those which the nodes use is the one that they lead to, or was restored from
 * its snapshot.
 */
export const remotesOf = (
  { remote }: Pick<AdoptRequest, 'remote'>,
  { used, clusters }: { readonly used: readonly UsedKey[]; readonly clusters: readonly KnownKeys[] },
): string[] => {
  const ids = usedIds(used);
  return clusters
    .filter(({ cluster }) => remote === undefined || cluster === remote)
    .filter(({ keys }) => typeof keys === 'object' && ids.length > 0)
    .filter(({ keys }) => ids.every((id) => typeof keys === 'object' && keys.some((key) => key.id === id)))
    .map(({ cluster }) => cluster);
};

/** Keys of the remote cluster that nodes use and that Remora did not make for this connection. */
export const foreignKeys = ({ used, clusters, remote, keys }: AdoptionFacts): ClusterKey[] => {
  const known = clusters.find(({ cluster }) => cluster === remote?.name)?.keys;
  const ids = usedIds(used).filter((id) => !keys.some(({ record }) => record.id === id));
  return typeof known === 'object' ? known.filter(({ id }) => ids.includes(id)) : [];
};

/** The key that the nodes had before the connection was taken over, as the remote cluster has it; undefined where it does not know it any more. */
export const keyBefore = (facts: AdoptionFacts, id: string): ClusterKey | undefined => {
  const known = facts.clusters.find(({ cluster }) => cluster === facts.remote?.name)?.keys;
  return typeof known === 'object' ? known.find((key) => key.id === id) : undefined;
};
