import type { TransportFacts } from '../../../coordinator/src/plan/connect-certificate/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import type { RestrictingFacts, ServedNames } from '../../../coordinator/src/plan/trust-restrictions/facts.ts';
import { planRestrictionsRemoval } from '../../../coordinator/src/plan/trust-restrictions/remove.ts';
import { planTrustRestrictions } from '../../../coordinator/src/plan/trust-restrictions/set.ts';
import { sha256 } from '../connect/facts.ts';
import { withBytes } from '../connect-certificate/world.ts';
import { carryOut, planIn, rollbackFacts, wish } from '../place/plans.ts';
import type { LoadedNames } from '../place/restricted-world.ts';
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

const port = ({ names }: LoadedNames): ServedNames => ({ names: [...names], problem: '' });

/** What the coordinator would observe of the transport ports. */
const transportIn = (one: TransportWorld): TransportFacts => {
  const { cluster, ports, stores } = placeFacts(one);
  const ways = new Map([...one.loaded].map(([name, { serves }]) => [name, [`fingerprint of ${serves}`]]));
  const anchors = new Map(
    [...ports].map(
      ([
        name,
        {
          issuers: [first],
        },
      ]) => [name, first ?? 'it sends no CA'],
    ),
  );
  return { cluster: withBytes(cluster), ports, stores, anchors, waysIn: ways, addresses: new Map() };
};

export const factsIn = (one: TransportWorld, more: Partial<RestrictingFacts> = {}): RestrictingFacts => {
  const transport = transportIn(one);
  return {
    ...{ cluster: transport.cluster, transport, connections: [], peers: [], deployments: [] },
    ports: new Map([...one.loaded].map(([name, loaded]) => [name, port(loaded)])),
    trusted: one.deploymentTrusts,
    ...more,
  };
};

export const setIn = (one: TransportWorld, allow: string[] = [DEPLOYMENT], facts = factsIn(one)): StoredPlan => {
  const deployments = facts.deployments.map(({ cloud, deployment }) => ({ cloud, deployment }));
  const wish = { cluster: 'us', allow, ...(deployments.length === 0 ? {} : { deployments }) };
  return planTrustRestrictions(wish, facts, contextOf(one));
};

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
export const takenBack = (
  one: TransportWorld,
  plan: StoredPlan,
  until: number,
  trusts: TransportWorld['deploymentTrusts'] = [],
): StoredPlan =>
  planRollback({ run: 'run-1' }, rollbackFacts(one, plan, until, one.certificates, trusts), contextOf(one));
