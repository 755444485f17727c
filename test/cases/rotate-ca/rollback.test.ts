import { describe, expect, test } from 'vitest';
import { keyConnections } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { PastRun, RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { lines, planIn } from '../connect/plans.ts';
import { distrust, isConnected } from '../connect/truth.ts';
import { clusterOf, nodeOf, type World } from '../connect/world.ts';
import { change, done, ended, RUN } from '../rollback/connected.ts';
import { carriedOut, planCa, standing } from './plans.ts';

const BUNDLE = 'remora-remote-cluster-cas.crt';
const SERVER = 'remora-remote-cluster-server.p12';

/** What each step found before it, in the world before the run and after a part of it. */
const beforeOf = (step: AnyStep, before: World, at: () => World): unknown => {
  if (step.kind === 'connection.record') return before.connections[0];
  if (step.kind === 'ca.create') return null;
  if (step.kind === 'ca.succession') return at().cas.find(({ name }) => name === step.input.ca);
  return step.kind === 'certificate.issue'
    ? before.certificates.find(({ node }) => node === step.input.node)
    : undefined;
};

/** The facts after so many steps of a run; which deliveries stand is told by the files. */
const factsAfter = (before: World, plan: StoredPlan, count: number, now: World): RollbackFacts => {
  const { local, remote, connections, cas, certificates, secretVersions } = factsOf(now, request());
  const steps = plan.steps.slice(0, count).map((step, i): [string, ReturnType<typeof done>] => {
    const kept = beforeOf(step, before, () => carriedOut(before, plan.steps, i));
    return [step.id, done({ kept: kept === undefined ? null : { before: kept } })];
  });
  const run: PastRun = ended(plan, {
    steps: new Map(steps),
    status: count < plan.steps.length ? 'failed' : 'succeeded',
  });
  const backup = (name: string, isOurs: boolean) => ({
    changes: [change('file', name, { state: isOurs ? 'ours' : 'back', existed: true })],
    unknown: [],
  });
  const held = (node: string) => nodeOf(now.local, node).files[BUNDLE]?.certificates ?? [];
  const isIn = (node: string, ca: string) => held(node).includes(`fingerprint of ${ca}`);
  const standsAnew = (node: string) => nodeOf(now.remote, node).files[SERVER]?.source?.endsWith('@2') ?? false;
  return {
    ...{
      run,
      others: [],
      keys: [],
      earlierKeys: now.keys,
      apiKeys: [],
      principals: new Map(),
      connections,
      cas,
      certificates,
      signers: [],
      deploymentTrusts: [],
      secretVersions,
    },
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', local.persistent],
    ]),
    backups: new Map([
      ...now.local.nodes.flatMap(({ name }) => [
        [`eu/${name}/2`, backup(BUNDLE, !isIn(name, 'us-remote'))] as const,
        [`eu/${name}`, backup(BUNDLE, isIn(name, 'us-remote-2'))] as const,
      ]),
      ...now.remote.nodes.map(({ name }) => [`us/${name}/1`, backup(SERVER, standsAnew(name))] as const),
    ]),
  };
};

const rollbackOf = (facts: RollbackFacts): StoredPlan =>
  planRollback({ run: RUN }, facts, { planId: 'plan-2', now: '2026-03-01T13:00:00.000Z', hash: sha256 });

/** What a step of a rollback does to the model: the agents' undo by what stood there, and records. */
const takeBack = (made: World, before: World, step: AnyStep): World => {
  const world = structuredClone(made);
  if (step.kind === 'node.change') {
    const node = nodeOf(clusterOf(world, step.input.cluster), step.input.node);
    const [call] = step.input.operations;
    const ids = call?.name === 'undo' ? call.input.deliveries : [];
    for (const id of ids) {
      const cas = id.includes('/trust-new-') ? ['us-remote', 'us-remote-2'] : ['us-remote'];
      const certificates = cas.map((ca) => `fingerprint of ${ca}`);
      const bundle = { source: `CA ${cas.join(', ')}`, certificates };
      if (id.includes('/trust-')) node.files[BUNDLE] = bundle;
      else node.files[SERVER] = structuredClone(nodeOf(before.remote, node.name).files[SERVER] ?? bundle);
    }
    return world;
  }
  if (step.kind === 'run.rollback') return world;
  if (step.kind !== 'inventory.put-back') return applySteps(world, [step]);
  for (const one of step.input.records) {
    if (one.collection === 'cas')
      world.cas = [...world.cas.filter(({ name }) => name !== one.id), ...(one.record ? [one.record] : [])];
    if (one.collection === 'connections') world.connections = keyConnections(one.record === null ? [] : [one.record]);
    if (one.collection === 'certificates' && one.record) {
      const { record } = one;
      world.certificates = [...world.certificates.filter(({ node }) => node !== record.node), record];
    }
  }
  return world;
};

const expectAsBefore = (made: World, before: World): void => {
  for (const { name } of before.local.nodes)
    expect(nodeOf(made.local, name).files).toEqual(nodeOf(before.local, name).files);
  for (const { name } of before.remote.nodes)
    expect(nodeOf(made.remote, name).files).toEqual(nodeOf(before.remote, name).files);
  expect(made.connections).toEqual(before.connections);
  expect(made.cas).toEqual(before.cas);
  const byNode = (world: World) => world.certificates.toSorted((a, b) => (a.node < b.node ? -1 : 1));
  expect(byNode(made)).toEqual(byNode(before));
  expect(lines(planIn(made, request()))).toEqual([]);
};

describe('the rotation of a CA is taken back', () => {
  test('in the reverse order of its parts: both are trusted before the servers go back, and the new CA goes last', () => {
    const before = standing();
    const plan = planCa(before);
    const now = carriedOut(before, plan.steps);
    const back = rollbackOf(factsAfter(before, plan, plan.steps.length, now));
    expect(back.stages.map(({ id }) => id)).toEqual([
      ...['transition', 'files-eu.2', 'prove-both', 'files-us.1', 'certificates', 'handshakes'],
      ...['files-eu', 'prove', 'end'],
    ]);
    expect([back.restarts, back.warnings, back.clusters]).toEqual([[], [], ['us', 'eu']]);
    const undone = back.steps.flatMap((step) => (step.kind === 'node.change' ? step.input.operations : []));
    expect(undone.map(({ input }) => ('deliveries' in input ? input.deliveries : []))).toEqual([
      [`${RUN}/trust-new-eu.eu-2/1`],
      [`${RUN}/trust-new-eu.eu-1/1`],
      ...['us-2', 'us-3', 'us-1'].map((node) => [`${RUN}/verify-server-us.${node}/1`, `${RUN}/change-us.${node}/1`]),
      [`${RUN}/trust-both-eu.eu-2/1`],
      [`${RUN}/trust-both-eu.eu-1/1`],
    ]);
    const hands = back.steps.flatMap((step) => (step.kind === 'handshake.verify' ? [step.input.ca] : []));
    expect(hands).toEqual(['us-remote', 'us-remote']);
  });

  test('from wherever it ended, and nobody distrusts what is served at any instant, also when the rollback is cut off and connect comes', () => {
    const before = standing();
    const plan = planCa(before);
    for (let count = 1; count <= plan.steps.length; count += 1) {
      let now = carriedOut(before, plan.steps, count);
      const { steps } = rollbackOf(factsAfter(before, plan, count, now));
      for (const [i, step] of steps.entries()) {
        now = takeBack(now, before, step);
        expect(distrust(now), `${count}/${i} ${step.id}`).toEqual([]);
        // Each instant is tried by one of three rollbacks: all of them take long.
        if ((i + count) % 3 > 0) continue;
        let other = now;
        for (const one of planIn(now, request()).steps) {
          other = applySteps(other, [one]);
          expect(distrust(other), `${count}/${i} ${step.id}, then ${one.id}`).toEqual([]);
        }
        expect(isConnected(other, 'us')).toBe(true);
      }
      expectAsBefore(now, before);
    }
  });

  test('also by a second rollback, where the first was cut off', () => {
    const before = standing();
    const plan = planCa(before);
    const whole = carriedOut(before, plan.steps);
    const all = plan.steps.length;
    const { steps } = rollbackOf(factsAfter(before, plan, all, whole));
    for (let cut = 1; cut < steps.length; cut += 1) {
      let now = whole;
      for (const step of steps.slice(0, cut)) now = takeBack(now, before, step);
      for (const step of rollbackOf(factsAfter(before, plan, all, now)).steps) {
        now = takeBack(now, before, step);
        expect(distrust(now), `${cut} ${step.id}`).toEqual([]);
      }
      expectAsBefore(now, before);
    }
  });

  test('unless a connection came since that trusts the new CA alone, or the old one was removed', () => {
    const before = standing();
    const plan = planCa(before);
    const now = carriedOut(before, plan.steps);
    const facts = factsAfter(before, plan, plan.steps.length, now);
    const [one] = facts.connections;
    if (!one) throw new Error('there is no connection');
    const late = { ...facts, connections: [...facts.connections, { ...one, local: 'ap' }] };
    expect(() => rollbackOf(late)).toThrow('the connection ap/us uses the remote cluster server of us too');
    const gone = { ...facts, cas: facts.cas.filter(({ name }) => name !== 'us-remote') };
    expect(() => rollbackOf(gone)).toThrow('CA us-remote was removed since');
  });

  test('unless what it would go back to has ended: nobody would trust what is served', () => {
    const before = standing();
    const plan = planCa(before);
    const now = carriedOut(before, plan.steps);
    const facts = factsAfter(before, plan, plan.steps.length, now);
    const past = '2026-03-01T12:30:00.000Z';
    const cas = facts.cas.map((ca) =>
      ca.name === 'us-remote' ? { ...ca, facts: { ...ca.facts, notAfter: past } } : ca,
    );
    expect(() => rollbackOf({ ...facts, cas })).toThrow(`CA us-remote has ended at ${past}, and nobody would trust`);
    const ended = before.certificates.map((one) => ({ ...one, facts: { ...one.facts, notAfter: past } }));
    const old = factsAfter({ ...before, certificates: ended }, plan, plan.steps.length, now);
    expect(() => rollbackOf(old)).toThrow(/the certificate that node us-\d of cluster us would get back has ended at/);
  });
});
