import type { KeyRevokeRequest } from '@remora/shared/model/key-request.ts';
import { type ClusterKey, isLiving, isMarkedFor } from '../cluster-key.ts';
import type { PlanContext } from '../context.ts';
import { keyVersion } from '../key-names.ts';
import type { ApiKeyRecord, ConnectionRecord } from '../records.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';

/** Everything that the planner of a revocation looks at. */
export interface KeyRevocationFacts {
  readonly connection: ConnectionRecord;
  readonly localUuid: string;
  /** All cross-cluster keys of the remote cluster. */
  readonly keys: readonly ClusterKey[];
  readonly records: readonly ApiKeyRecord[];
}

/**
 * Plans that every key of a connection that still lets somebody in is invalidated at once, whoever uses it: the answer to a leak. Nothing of the local cluster is
 * asked or changed.
 */
export const planKeyRevocation = (
  request: KeyRevokeRequest,
  { connection, localUuid, keys, records }: KeyRevocationFacts,
  context: PlanContext,
): StoredPlan => {
  const { local, remote, alias } = connection;
  const onRecord = new Set(records.filter((record) => keyVersion({ record }, connection) > 0).map(({ id }) => id));
  const steps = keys
    .filter((key) => isLiving(key, Date.parse(context.now)))
    .filter((key) => onRecord.has(key.id) || isMarkedFor(key, connection, localUuid))
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
    .map(
      ({ id, name }): AnyStep => ({
        ...{ id: `revoke-key-${id}`, kind: 'api-key.revoke', target: remote, effect: 'api', stage: 'revoke' },
        ...{ reason: 'nobody gets in with it any more', diff: `- key ${name} (${id})`, input: { cluster: remote, id } },
      }),
    );
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps)),
    ...{ workflow: 'revoke-key', wanted: request, title: `Revoke the API key of ${local}/${alias}` },
    createdAt: context.now,
    clusters: [remote],
    stages: steps.length === 0 ? [] : [{ id: 'revoke', title: 'Invalidate its keys', mode: 'parallel' }],
    steps,
    ...{ restarts: [], outages: [] },
    warnings:
      steps.length === 0
        ? []
        : [
            `The connection ${local}/${alias} stops at once, from every node of cluster ${local}, until \`remora api-keys rotate ${local} ${alias}\` has given it another key. Where the key did not leak, rotate instead: that leaves no gap.`,
          ],
  };
};
