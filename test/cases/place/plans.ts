import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { expect } from 'vitest';
import type { PlaceFacts } from '../../../coordinator/src/plan/place/facts.ts';
import { planPlacement } from '../../../coordinator/src/plan/place/place.ts';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { deploymentTrustId } from '../../../coordinator/src/plan/trust/deployment-trust.ts';
import { request as connecting, factsOf, sha256 } from '../connect/facts.ts';
import { done } from '../rollback/connected.ts';
import { placeFacts, strangers, type TransportWorld, take, transportWorld } from './world.ts';

/** A placement on the transport ports by CA `a`, as PKCS#12. */
export const wish = (more: Partial<PlaceRequest> = {}): PlaceRequest => ({
  ...{ cluster: 'us', purpose: 'transport', ca: 'a', format: 'pkcs12' },
  ...more,
});

/** In the form that the port has. */
export const asItIs = ({ format: _, ...more }: PlaceRequest = wish()): PlaceRequest => more;

export const planWith = (one: TransportWorld, asked: PlaceRequest, facts: PlaceFacts): StoredPlan =>
  planPlacement(asked, facts, { planId: 'p', now: new Date(one.made.nowMs).toISOString(), hash: sha256 });

export const planIn = (one: TransportWorld, asked = wish()): StoredPlan =>
  planWith(one, asked, placeFacts(one, asked.purpose));

export const carryOut = (
  one: TransportWorld,
  steps: readonly AnyStep[],
  isRead: (index: number) => boolean = () => true,
): void =>
  steps.forEach((step, index) => {
    take(one, step, isRead(index));
    expect(strangers(one), `after ${step.id}`).toEqual([]);
  });

export const placed = (by: 'pem' | 'truststore' = 'pem'): TransportWorld => {
  const one = transportWorld(by);
  carryOut(one, planIn(one).steps);
  return one;
};

/** In the order of a roll. */
export const nodes = ['us-2', 'us-3', 'us-1'];

/** What a rollback of a run looks at, when the run got so far. */
export const rollbackFacts = (
  one: TransportWorld,
  plan: StoredPlan,
  until: number,
  standing: TransportWorld['certificates'],
  trusts: TransportWorld['deploymentTrusts'] = [],
): RollbackFacts => {
  const { remote } = factsOf(one.made, connecting());
  const before = (step: AnyStep): unknown => {
    if (step.kind === 'certificate.issue')
      return { before: standing.find(({ node }) => node === step.input.node) ?? null };
    if (step.kind === 'deployment-trust.record')
      return { before: trusts.find((one) => deploymentTrustId(one) === step.input.id) ?? null };
    return step.kind === 'cluster.trust' ? { before: { caPem: 'PEM of their HTTPS CA' } } : null;
  };
  const carried = plan.steps.slice(0, until);
  const backups = carried.flatMap((step): [string, { changes: never[]; unknown: string[] }][] => {
    if (step.kind !== 'node.change') return [];
    const changes = step.input.operations.flatMap((call) => {
      if (call.name === 'files')
        return [...call.input.write.map(({ path }) => path), ...call.input.remove].map((name) => ({
          kind: 'file',
          name,
        }));
      if (call.name !== 'settings') return [];
      return [...Object.keys(call.input.set), ...call.input.remove].map((name) => ({ kind: 'setting', name }));
    });
    const all = changes.map((found) => ({ ...found, state: 'ours', existed: true }));
    const { node, phase } = step.input;
    return [[phase === undefined ? `us/${node}` : `us/${node}/${phase}`, { changes: all as never[], unknown: [] }]];
  });
  return {
    run: {
      ...{ runId: 'run-1', status: 'succeeded', rollback: null, restored: null, plan },
      steps: new Map(carried.map((step) => [step.id, done({ kept: before(step) })])),
    },
    ...{ others: [], clusters: new Map([['us', remote]]), settings: new Map([['us', {}]]), backups: new Map(backups) },
    ...{ keys: [], earlierKeys: [], connections: [], cas: one.cas, certificates: one.certificates, apiKeys: [] },
    ...{ signers: [], deploymentTrusts: one.deploymentTrusts, secretVersions: one.secretVersions },
    principals: new Map(),
  };
};
