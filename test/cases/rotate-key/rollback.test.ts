import { describe, expect, test } from 'vitest';
import { keyConnections } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { PastRun, RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { lines, planIn } from '../connect/plans.ts';
import { works } from '../connect/truth.ts';
import { clusterOf, nodeOf, type World } from '../connect/world.ts';
import { change, connected, done, ended, RUN, refusalOf } from '../rollback/connected.ts';
import { carriedOut, planKey, secret, standing, usable, wish } from './plans.ts';

const ENTRY = 'cluster.remote.us.credentials';

/** The facts after so many steps of a run. Of the one after them it is not known whether it came to anything where `begun` says so. */
const factsAfter = (before: World, plan: StoredPlan, count: number, now: World, begun = false): RollbackFacts => {
  const { local, remote, connections, cas, certificates, secretVersions } = factsOf(now, request());
  const steps = plan.steps.slice(0, begun ? count + 1 : count).map((step, i): [string, ReturnType<typeof done>] => {
    const kept = step.kind === 'connection.record' ? { before: before.connections[0] } : null;
    return [step.id, done({ kept, status: i < count ? 'succeeded' : 'failed' })];
  });
  const run: PastRun = ended(plan, {
    steps: new Map(steps),
    status: count < plan.steps.length ? 'failed' : 'succeeded',
  });
  const entryOf = (node: string) => nodeOf(now.local, node).keystore.entries[ENTRY]?.reference;
  const [earlier, made] = [now.keys.slice(0, 1), now.keys.slice(1)];
  return {
    ...{
      run,
      others: [],
      connections,
      cas,
      certificates,
      signers: [],
      deploymentTrusts: [],
      secretVersions,
      principals: new Map(),
    },
    ...{ keys: made, earlierKeys: earlier, apiKeys: now.keys.map(({ record }) => record) },
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', local.persistent],
    ]),
    backups: new Map(
      now.local.nodes.map(({ name }) => {
        const state = entryOf(name) === secret(2) ? ('ours' as const) : ('back' as const);
        return [`eu/${name}`, { changes: [change('entry', ENTRY, { state, existed: true })], unknown: [] }];
      }),
    ),
  };
};

const rollbackOf = (facts: RollbackFacts): StoredPlan =>
  planRollback({ run: RUN }, facts, { planId: 'plan-2', now: '2026-03-01T13:00:00.000Z', hash: sha256 });

/** What a step of a rollback does to the model. */
const takeBack = (made: World, before: World, step: AnyStep): World => {
  const world = structuredClone(made);
  if (step.kind === 'run.rollback') return world;
  if (step.kind === 'node.change') {
    const node = nodeOf(clusterOf(world, step.input.cluster), step.input.node);
    node.keystore = structuredClone(nodeOf(before.local, node.name).keystore);
    return world;
  }
  if (step.kind !== 'inventory.put-back') return applySteps(world, [step]);
  for (const { collection, record } of step.input.records)
    if (collection === 'connections' && record) world.connections = keyConnections([record]);
  return world;
};

describe('the rotation of a key is taken back', () => {
  test('until the old one is invalidated: from wherever it ended, and the connection works at any instant', () => {
    const before = standing();
    const plan = planKey(before);
    const retire = plan.steps.findIndex(({ kind }) => kind === 'api-key.invalidate');
    expect(retire).toBeGreaterThan(0);
    for (let count = 1; count <= retire; count += 1) {
      let now = carriedOut(before, plan.steps, count);
      const back = rollbackOf(factsAfter(before, plan, count, now));
      expect([back.restarts, back.warnings], `${count}`).toEqual([[], []]);
      for (const step of back.steps) {
        now = takeBack(now, before, step);
        expect(works(now, 'us'), `${count} ${step.id}`).toBe(true);
      }
      expect(usable(now), `${count}`).toEqual([secret(1)]);
      expect(now.connections).toEqual(before.connections);
      expect(lines(planIn(now, request(wish)))).toEqual([]);
    }
  });

  test('with a proof of the connection with the old key before the new one is invalidated', () => {
    const before = standing();
    const plan = planKey(before);
    const now = carriedOut(before, plan.steps, 5);
    expect(lines(rollbackOf(factsAfter(before, plan, 5, now)))).toEqual([
      'files-eu node.change eu-2 reload',
      'files-eu node.change eu-1 reload',
      ...['eu-2', 'eu-1'].map((node) => `reload-eu secure-settings.reload ${node} reload`),
      'prove connection.prove eu none',
      'api-keys api-key.invalidate us api',
      ...['end inventory.put-back coordinator none', 'end run.rollback coordinator none'],
    ]);
  });

  test('never once it is invalidated, also where that is not known for certain, which is told by the key', () => {
    const before = standing();
    const plan = planKey(before);
    const retire = plan.steps.findIndex(({ kind }) => kind === 'api-key.invalidate');
    const after = carriedOut(before, plan.steps, retire + 1);
    const sentence = `Run ${RUN} cannot be rolled back: it invalidated API key id-of-${secret(1)} of cluster us, which nobody can make valid again.`;
    expect(() => rollbackOf(factsAfter(before, plan, retire + 1, after))).toThrow(sentence);
    // The answer to the call was lost.
    expect(() => rollbackOf(factsAfter(before, plan, retire, after, true))).toThrow(sentence);
    const living = carriedOut(before, plan.steps, retire);
    expect(rollbackOf(factsAfter(before, plan, retire, living, true)).steps.length).toBeGreaterThan(0);
  });

  test('also while a node is away that it never came to, which is not waited for; not without one that it came to', () => {
    const before = standing();
    const plan = planKey(before);
    const cut = (count: number, agent: 'online' | 'offline') => {
      const now = carriedOut(before, plan.steps, count);
      nodeOf(now.local, 'eu-2').agent = agent;
      return { now, facts: factsAfter(before, plan, count, now) };
    };
    const { now, facts } = cut(2, 'offline');
    const back = rollbackOf(facts);
    const ends = back.steps.find(({ kind }) => kind === 'api-key.invalidate');
    expect(ends?.input).toMatchObject({ locals: ['eu'], away: ['eu/eu-2'] });
    expect(back.warnings.join()).toContain(
      'Node eu-2 of cluster eu cannot be asked whether its keystore has the API key that is invalidated: the run never came to it',
    );
    const after = back.steps.reduce((world, step) => takeBack(world, before, step), now);
    expect([usable(after), works(after, 'us')]).toEqual([[secret(1)], true]);
    expect(back.hash).toBe(rollbackOf(cut(2, 'online').facts).hash);
    expect(() => rollbackOf({ ...facts, run: { ...facts.run, restored: 'r1' } })).toThrow(
      'eu-2 (cluster eu) is offline',
    );
    expect(() => rollbackOf(cut(3, 'offline').facts)).toThrow('The agent of node eu-2 (cluster eu) is offline');
  });

  test('and the connect before it is not either then, which is said', () => {
    const { facts } = connected();
    const steps = planKey(standing()).steps.map((step): [string, ReturnType<typeof done>] => [
      step.id,
      done({ finishedAt: '2026-03-01T11:30:00.000Z' }),
    ]);
    const other = ended(planKey(standing()), { runId: 'run-2', steps: new Map(steps) });
    const { message, hint } = refusalOf({ ...facts, others: [other] });
    expect(message).toMatch(
      /^Run run-1 cannot be rolled back: run run-2 \(Replace the API key of eu\/us\) changed .* since\.$/,
    );
    expect(hint).toMatch(/^That one cannot be rolled back either: it invalidated API key/);
  });
});
