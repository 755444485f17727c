import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import { placeOf } from '../../../coordinator/src/plan/connection/alias-place.ts';
import type { AnyConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import { connectingNodes } from '../../../coordinator/src/plan/node/nodes.ts';
import type { CaRotationFacts } from '../../../coordinator/src/plan/rotate-ca/facts.ts';
import { proxyOf } from '../../../coordinator/src/plan/rotate-ca/proofs.ts';
import { planCaRotation } from '../../../coordinator/src/plan/rotate-ca/rotate-ca.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { certificateFacts, factsOf, request, sha256 } from '../connect/facts.ts';
import { connected } from '../connect/plans.ts';
import { works } from '../connect/truth.ts';
import { type World, world } from '../connect/world.ts';

/** By which local nodes trust remote clusters. */
export const BUNDLE = 'remora-remote-cluster-cas.crt';

/** What the planner would be shown of this world. */
const caFacts = (made: World): CaRotationFacts => {
  const { local, remote, connections, cas, signers, secretVersions } = factsOf(made, request());
  const trust = connections.flatMap((connection) =>
    connectingNodes(local, placeOf(connection)).map(({ name, agent }) => ({
      ...{ remote: 'us', alias: connection.alias, cluster: 'eu', node: name, certificateAuthorities: [BUNDLE] },
      ...{ isDirect: proxyOf(local, connection) === null, isAway: agent.state !== 'online' },
      problem: agent.state === 'online' ? null : 'its agent is away.',
    })),
  );
  return {
    ...{
      clusters: [local, remote],
      unseen: new Map(),
      signed: made.signed,
      apiKeys: made.keys.map(({ record }) => record),
      otherNodes: [],
      cas,
      connections,
      signers,
      secretVersions,
      trust,
    },
    certificates: structuredClone(made.certificates),
    like: { commonName: 'us-remote', keyBits: 3072, validityDays: 3650, isConstrained: false },
    problems: new Map(
      connections.map(({ alias }) => [`eu/${alias}`, works(made, alias) ? null : 'eu-1: it is broken']),
    ),
  };
};

/** `foreign` are connections to clusters of others, which stand beside those of the world. */
export const planCa = (
  made: World,
  wish: Partial<CaRotateRequest> = {},
  foreign: readonly AnyConnectionRecord[] = [],
): StoredPlan => {
  const facts = caFacts(made);
  return planCaRotation(
    { ca: 'us-remote', ...wish },
    { ...facts, connections: [...facts.connections, ...foreign] },
    { planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  );
};

/** Two clusters that are connected, with something bent. */
export const standing = (change: (made: World) => void = () => undefined, nodes = { remote: 3, local: 2 }): World => {
  const made = connected(world(nodes));
  change(made);
  return made;
};

/** The world after some of the steps: whole, or cut off after so many. */
export const carriedOut = (made: World, steps: readonly AnyStep[], count = steps.length): World =>
  applySteps(made, steps.slice(0, count));

/** A CA that somebody imported. */
export const imported = (made: World, change: object = {}): void => {
  const facts = certificateFacts('theirs', made.nowMs, made.nowMs + 1000 * 86_400_000);
  made.cas.push({
    ...{ name: 'corporate', certificatePem: 'PEM', certificate: 'secret:ca/corporate/x/certificate@1', facts },
    key: 'secret:ca/corporate/x/key@1',
    ...change,
  });
  made.secretVersions['ca/corporate/x/certificate'] = 1;
  made.secretVersions['ca/corporate/x/key'] = 1;
};
