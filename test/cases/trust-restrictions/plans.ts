import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import type { RestrictingFacts } from '../../../coordinator/src/plan/trust-restrictions/facts.ts';
import { planRestrictionsRemoval } from '../../../coordinator/src/plan/trust-restrictions/remove.ts';
import { planTrustRestrictions } from '../../../coordinator/src/plan/trust-restrictions/set.ts';
import { sha256 } from '../connect/facts.ts';
import { carryOut, planIn, rollbackFacts, wish } from '../place/plans.ts';
import { placeFacts, type TransportWorld, transportWorld } from '../place/world.ts';

export const CLOUD = { cluster: 'own', scope: '7' };
/** Lets the nodes of the world in. */
export const OWN = '*.node.own.cluster.7.account';
export const DEPLOYMENT = '*.node.0a1b.cluster.1053523734.account';

/** Three nodes whose certificates have names. */
export const named = (): TransportWorld => {
  const one = transportWorld('pem');
  carryOut(one, planIn(one, wish({ cloud: CLOUD })).steps);
  one.restarts = [];
  return one;
};

export const contextOf = (one: TransportWorld) => ({
  planId: 'p',
  now: new Date(one.made.nowMs).toISOString(),
  hash: sha256,
});

export const factsIn = (one: TransportWorld): RestrictingFacts => ({
  cluster: placeFacts(one).cluster,
  ports: new Map([...one.loaded].map(([name, { names }]) => [name, { names, problem: '' }])),
  peers: [],
});

export const setIn = (one: TransportWorld, allow = [DEPLOYMENT], facts = factsIn(one)): StoredPlan =>
  planTrustRestrictions({ cluster: 'us', allow }, facts, contextOf(one));

export const removeIn = (one: TransportWorld): StoredPlan =>
  planRestrictionsRemoval({ cluster: 'us' }, factsIn(one), contextOf(one));

/** Three nodes that let in themselves and a deployment. */
export const restricted = (): TransportWorld => {
  const one = named();
  carryOut(one, setIn(one).steps);
  one.restarts = [];
  return one;
};

/** A plan that takes a run back which got so far. */
export const takenBack = (one: TransportWorld, plan: StoredPlan, until: number): StoredPlan =>
  planRollback({ run: 'run-1' }, rollbackFacts(one, plan, until, one.certificates), contextOf(one));
