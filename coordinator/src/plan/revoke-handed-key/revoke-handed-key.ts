import { RemoraError } from '@remora/shared/errors.ts';
import type { HandedKey } from '@remora/shared/model/requests/key-create-request.ts';
import type { PlanContext } from '../context.ts';
import { type ClusterKey, isLiving } from '../keys/cluster-key.ts';
import { handedTo, handedVersion } from '../keys/handed-key.ts';
import type { ApiKeyRecord, RecordBefore } from '../records.ts';
import { usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';

/** Everything that the planner looks at. */
export interface HandedKeyFacts {
  /** All cross-cluster keys of the remote cluster. */
  readonly keys: readonly ClusterKey[];
  readonly records: readonly ApiKeyRecord[];
}

const stages: readonly Stage[] = [
  { id: 'revoke', title: 'Invalidate the keys', mode: 'serial' },
  { id: 'end', title: 'Records', mode: 'serial' },
];

/** Plans that all keys which were made for somebody are invalidated at once, also those that a crash left without a record. Throws `not-found` where there were none. */
export const planHandedKeyRevocation = (
  request: HandedKey,
  { keys, records }: HandedKeyFacts,
  context: PlanContext,
): StoredPlan => {
  const { remote } = request;
  const own = records.filter((record) => handedVersion({ record }, request) > 0);
  const theirs = keys.filter((key) => handedTo(key) === request.for || own.some(({ id }) => id === key.id));
  if (theirs.length + own.length === 0)
    throw new RemoraError('not-found', `Cluster ${remote} has no key that was made for "${request.for}".`, {
      hint: 'See `remora api-keys list`.',
    });
  const living = theirs.filter((key) => isLiving(key, Date.parse(context.now)));
  const noted = own
    .filter(({ revoked }) => revoked !== true)
    .map(
      (record): RecordBefore => ({
        ...{ collection: 'apiKeys', id: record.secret, record: { ...record, revoked: true } },
      }),
    );
  const revoke = living.map(
    ({ id, name }): AnyStep => ({
      ...{ id: `revoke-key-${id}`, kind: 'api-key.revoke', target: remote, effect: 'api', stage: 'revoke' },
      ...{ reason: 'nobody gets in with it any more', diff: `- key ${name} (${id})`, input: { cluster: remote, id } },
    }),
  );
  const note: AnyStep[] =
    noted.length === 0
      ? []
      : [
          {
            ...{ id: 'note-revoked', kind: 'inventory.put-back', target: 'coordinator', effect: 'none', stage: 'end' },
            reason: 'what its cluster forgets must not look like a key that is merely gone',
            ...{ diff: noted.map(({ id }) => `~ API key ${id}: revoked`).join('\n'), input: { records: noted } },
          },
        ];
  const steps = [...revoke, ...note];
  return {
    ...{ planId: context.planId, hash: context.hash(JSON.stringify(steps)), workflow: 'revoke-handed-key' },
    ...{ wanted: request, createdAt: context.now, clusters: [remote], steps, restarts: [], outages: [] },
    title: `Revoke the API key of ${remote} that was made for ${request.for}`,
    stages: usedStages(stages, steps),
    warnings:
      living.length === 0
        ? []
        : [`Whatever ${request.for} connects with ${living.length > 1 ? 'these keys' : 'this key'} stops at once.`],
  };
};
