import type { RemoraError } from '@remora/shared/errors.ts';
import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { keyConnections } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { RotateFacts } from '../../../coordinator/src/plan/rotate/facts.ts';
import { planRotation } from '../../../coordinator/src/plan/rotate/rotate.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { connected } from '../connect/plans.ts';
import { type World, world } from '../connect/world.ts';

export const DAY_MS = 86_400_000;
export const FILE = 'remora-remote-cluster-server.p12';

export const rotationFacts = (made: World): RotateFacts => {
  const { local, remote, certificates, signers, cas, connections, secretVersions } = factsOf(made, request());
  const trust = local.nodes.map(({ name, agent }) => ({
    ...{ remote: 'us', cluster: 'eu', node: name, certificateAuthorities: ['remora-remote-cluster-cas.crt'] },
    ...{ alias: 'us', isDirect: true, isAway: agent.state !== 'online' },
    problem: agent.state === 'online' ? null : 'its agent is away.',
  }));
  const clusters = [local, remote];
  return {
    clusters,
    unseen: new Map(),
    unasked: [],
    trust,
    certificates,
    signers,
    cas,
    connections: keyConnections(connections),
    secretVersions,
  };
};

export const planIn = (made: World, wish: RotateRequest): StoredPlan =>
  planRotation(wish, rotationFacts(made), {
    ...{ planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  });

export const standing = (change: (made: World) => void = () => undefined): World => {
  const made = connected(world({ remote: 3, local: 2 }));
  change(made);
  return made;
};

export const refusalIn = (made: World, wish: RotateRequest): RemoraError => {
  try {
    planIn(made, wish);
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};

/** All of the cluster `us`, as lines. */
export const whole = [
  ...['us-1', 'us-2', 'us-3'].map((node) => `issue certificate.issue ${node} none`),
  ...['first node.change us-1 file', 'first remote-server.verify us-1 none'],
  ...['us-2', 'us-3'].map((node) => `files node.change ${node} file`),
  ...['us-2', 'us-3'].map((node) => `verify remote-server.verify ${node} none`),
];
