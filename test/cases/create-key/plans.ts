import { asConnectRequest, type KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { planKeyCreation } from '../../../coordinator/src/plan/connect/key/create-key.ts';
import { unseenCluster } from '../../../coordinator/src/plan/connection/unseen-cluster.ts';
import type { ConnectFacts } from '../../../coordinator/src/plan/facts.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, sha256 } from '../connect/facts.ts';
import type { World } from '../connect/world.ts';

export const handed = (version: number): string => `secret:handed-out/us/team/api-key@${version}`;

const wish = (more: Partial<KeyCreateRequest> = {}): KeyCreateRequest => ({
  ...{ remote: 'us', for: 'team', mode: 'sniff', search: ['logs-*'], ...more },
});

/** What the coordinator would observe: the remote cluster, and nothing of the other. */
const observed = (made: World, wanted: KeyCreateRequest): ConnectFacts => {
  const facts = factsOf(made, asConnectRequest(wanted));
  return { ...facts, local: unseenCluster(wanted.for, ''), paths: [], proven: null };
};

export const planCreation = (made: World, more: Partial<KeyCreateRequest> = {}): StoredPlan =>
  planKeyCreation(wish(more), observed(made, wish(more)), {
    ...{ planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  });

/** The world in which this key was made, by the planner's own plan. */
export const withKey = (made: World, more: Partial<KeyCreateRequest> = {}): World =>
  applySteps(made, planCreation(made, more).steps);
