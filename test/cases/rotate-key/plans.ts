import type { RemoraError } from '@remora/shared/errors.ts';
import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { keyConnections } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { ClusterKey, FoundKey } from '../../../coordinator/src/plan/keys/cluster-key.ts';
import { markedMetadata } from '../../../coordinator/src/plan/keys/key-names.ts';
import type { KeyRotationFacts } from '../../../coordinator/src/plan/rotate-key/facts.ts';
import { planKeyRotation } from '../../../coordinator/src/plan/rotate-key/rotate-key.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { connected } from '../connect/plans.ts';
import { works } from '../connect/truth.ts';
import { type World, world } from '../connect/world.ts';

const DAY_MS = 86_400_000;
/** What the connection of most cases is made with. */
export const wish = { expires: '90d', metadata: { team: 'search', cost: 7 } };

type KeyWorld = World['keys'][number];

/** A key as its cluster would show it: what the connection shall grant, with Remora's mark. Elasticsearch adds defaults. */
const clusterKey = (made: World, { record, usable }: KeyWorld): ClusterKey => {
  const connection = made.connections.find(({ alias }) => record.secret.includes(`/${alias}/`));
  const { id, name, expiresAtMs, configHash } = record;
  const isOver = expiresAtMs !== null && expiresAtMs <= made.nowMs;
  return {
    ...{ id, name, expiresAtMs, owner: 'remora', certificateIdentity: null },
    access: { search: connection?.access.search?.map((one) => ({ ...one, allow_restricted_indices: false })) ?? [] },
    metadata: markedMetadata(connection?.metadata, {
      ...{ local: 'eu', local_cluster_uuid: 'uuid-eu', alias: connection?.alias ?? '', configHash },
    }),
    createdAtMs: (expiresAtMs ?? made.nowMs) - 90 * DAY_MS,
    invalidated: !usable && !isOver,
  };
};

/** What the planner would be shown of this world. */
export const keyFacts = (made: World): KeyRotationFacts => {
  const { local, remote, connections, secretVersions } = factsOf(made, request());
  const keys = made.keys.map((one): FoundKey => ({ ...structuredClone(one), key: clusterKey(made, one) }));
  return {
    ...{
      connections: keyConnections(connections),
      clusters: [local, remote],
      unseen: new Map(),
      keys,
      strays: [],
      secretVersions,
    },
    problems: new Map(
      connections.map(({ alias }) => [`eu/${alias}`, works(made, alias) ? null : 'eu-1: it is broken']),
    ),
  };
};

export const one: KeyRotateRequest = { local: 'eu', alias: 'us' };

const planOf = (facts: KeyRotationFacts, wanted: KeyRotateRequest, nowMs: number): StoredPlan =>
  planKeyRotation(wanted, facts, { planId: 'plan-1', now: new Date(nowMs).toISOString(), hash: sha256 });

/** A plan for this world; `bend` changes what is observed of it. */
export const planKey = (
  made: World,
  wanted: KeyRotateRequest = one,
  bend: (facts: KeyRotationFacts) => KeyRotationFacts = (facts) => facts,
): StoredPlan => planOf(bend(keyFacts(made)), wanted, made.nowMs);

export const refusal = (
  made: World,
  wanted: KeyRotateRequest = one,
  bend: (facts: KeyRotationFacts) => KeyRotationFacts = (facts) => facts,
): RemoraError => {
  try {
    planKey(made, wanted, bend);
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};

/** Two clusters that are connected, with something bent. */
export const standing = (change: (made: World) => void = () => undefined, nodes = { remote: 3, local: 2 }): World => {
  const made = connected(world(nodes), wish);
  change(made);
  return made;
};

/** The world after some of the steps: whole, or cut off after so many. */
export const carriedOut = (made: World, steps: readonly AnyStep[], count = steps.length): World =>
  applySteps(made, steps.slice(0, count));

export const secret = (version: number, alias = 'us'): string => `secret:connection/eu/${alias}/api-key@${version}`;

/** Secrets of the keys that let somebody in. */
export const usable = (made: World): string[] =>
  made.keys.filter((key) => key.usable).map(({ record }) => record.secret);
