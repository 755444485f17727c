import type { KeyRevokeRequest } from '@remora/shared/model/requests/key-request.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { PlanContext } from '../context.ts';
import { type ClusterKey, isLiving, isMarkedFor } from '../keys/cluster-key.ts';
import { keyVersion } from '../keys/key-names.ts';
import type { ApiKeyRecord } from '../records.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';

/** Everything that the planner of a revocation looks at. */
export interface KeyRevocationFacts {
  readonly connection: Pick<ConnectionRecord, 'local' | 'remote' | 'alias'>;
  readonly localUuid: string;
  /** All cross-cluster keys of the remote cluster. */
  readonly keys: readonly ClusterKey[];
  readonly records: readonly ApiKeyRecord[];
}

/** Those records that are of keys of a connection. */
export const keyRecordsOf = ({ connection, records }: Pick<KeyRevocationFacts, 'connection' | 'records'>) =>
  records.filter((record) => keyVersion({ record }, connection) > 0);

/** Keys of a connection that still let somebody in, the oldest first. */
export const livingKeys = (facts: KeyRevocationFacts, nowMs: number): ClusterKey[] => {
  const onRecord = new Set(keyRecordsOf(facts).map(({ id }) => id));
  return facts.keys
    .filter((key) => isLiving(key, nowMs))
    .filter((key) => onRecord.has(key.id) || isMarkedFor(key, facts.connection, facts.localUuid))
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
};

/**
 * Plans that every key of a connection that still lets somebody in is invalidated at once, whoever uses it: the answer to a leak. Nothing of the local cluster is
 * asked or changed. Which keys there are is looked at again when it is done, and makes it no other plan: a run that it had to wait for may have made another one.
 */
export const planKeyRevocation = (
  request: KeyRevokeRequest,
  facts: KeyRevocationFacts,
  context: PlanContext,
): StoredPlan => {
  const { local, remote, alias } = facts.connection;
  const living = livingKeys(facts, Date.parse(context.now));
  const revoke: AnyStep = {
    ...{ id: 'revoke-keys', kind: 'api-keys.revoke', target: remote, effect: 'api', stage: 'revoke' },
    reason: 'nobody gets in with them any more',
    diff: living.map(({ id, name }) => `- key ${name} (${id})`).join('\n'),
    input: { cluster: remote, local, alias, localUuid: facts.localUuid, ids: living.map(({ id }) => id) },
  };
  const steps = living.length === 0 ? [] : [revoke];
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify([local, alias, remote])),
    ...{ workflow: 'revoke-key', wanted: request, title: `Revoke the API key of ${local}/${alias}` },
    createdAt: context.now,
    clusters: [remote],
    stages: steps.length === 0 ? [] : [{ id: 'revoke', title: 'Invalidate its keys', mode: 'serial' }],
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
