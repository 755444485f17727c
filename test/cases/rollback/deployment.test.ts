import { describe, expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { cloudConnected, cloudPlan, cloudWish } from '../connect/deployments.ts';
import { factsOf } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { works } from '../connect/truth.ts';
import { cloudWorld, deploymentIn, type World } from '../connect/world.ts';
import { planKey } from '../rotate-key/plans.ts';
import { done, ended, refusalOf, roll } from './connected.ts';

/** What a step remembers of this world. */
const keptOf = (now: World, { kind, input }: AnyStep): unknown => {
  const { entries, written, direct } = deploymentIn(now);
  if (kind === 'cluster-settings.put')
    return {
      before: Object.fromEntries(
        Object.keys(input.persistent).map((name) => [name, now.local.persistent[name] ?? null]),
      ),
    };
  if (kind === 'cloud.key') {
    const isThere = entries.includes(`cluster.remote.${input.alias}.credentials`);
    return { before: { isThere, reference: isThere ? (written[input.alias] ?? null) : null } };
  }
  if (kind === 'cloud.trust') return { before: direct.find(({ name }) => name === input.name) ?? null };
  if (kind === 'connection.record') return { before: now.connections[0] ?? null };
  return { before: null };
};

/** A run that came so far, its last step with this status, and what is observed of the world that it left. */
const runOf = (before: World, { steps, ...plan }: StoredPlan, count: number, last: 'succeeded' | 'failed') => {
  // Nodes are taken back by what their agents keep, which other cases are about.
  const own = steps.filter(({ kind }) => !/^(ca|node|certificate|remote-server)\./.test(kind));
  let now = applySteps(
    before,
    steps.filter((step) => !own.includes(step)),
  );
  const past = own.slice(0, count).map((step, i): [string, ReturnType<typeof done>] => {
    const kept = keptOf(now, step);
    now = applySteps(now, [step]);
    return [step.id, done({ kept, status: i === count - 1 ? last : 'succeeded' })];
  });
  const { local, remote, connections, cas, certificates, secretVersions, keys } = factsOf(now, cloudWish());
  const earlier = before.keys.map(({ record }) => record.secret);
  const facts: RollbackFacts = {
    run: ended({ ...plan, steps: own }, { steps: new Map(past), status: 'failed' }),
    ...{ others: [], connections, cas, certificates, signers: [], secretVersions, principals: new Map() },
    deploymentTrusts: [],
    ...{ backups: new Map(), apiKeys: now.keys.map(({ record }) => record) },
    keys: keys.filter(({ record }) => !earlier.includes(record.secret)),
    earlierKeys: keys.filter(({ record }) => earlier.includes(record.secret)),
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', local.persistent],
    ]),
  };
  return { now, facts, own };
};

const back = (now: World, { steps }: StoredPlan): World =>
  applySteps(
    now,
    steps.filter(({ kind }) => !/^(inventory|run)\./.test(kind)),
  );

describe('a deployment that was connected', () => {
  test('is as it was before, from wherever the run ended, and the key is invalidated once it has it no more', () => {
    const before = cloudWorld();
    const plan = cloudPlan(before);
    const { own } = runOf(before, plan, 0, 'succeeded');
    for (let count = 1; count <= own.length; count += 1) {
      const { now, facts } = runOf(before, plan, count, 'succeeded');
      const then = back(now, roll(facts));
      expect([count, deploymentIn(then), then.local.persistent]).toEqual([count, deploymentIn(before), {}]);
      expect(then.keys.filter(({ usable }) => usable)).toEqual([]);
    }
    expect(lines(roll(runOf(before, plan, own.length, 'succeeded').facts))).toEqual([
      'settings cluster-settings.put eu api',
      'cloud-key cloud.key logs reload',
      'cloud-trust cloud.trust logs api',
      'api-keys api-key.invalidate us api',
      'end inventory.put-back coordinator none',
      'end run.rollback coordinator none',
    ]);
  });

  test('loses a key of which it was not noted any more that it was written', () => {
    const before = cloudWorld();
    const plan = cloudPlan(before);
    const { own } = runOf(before, plan, 0, 'succeeded');
    const count = own.findIndex(({ kind }) => kind === 'cloud.key') + 1;
    const { facts, now } = runOf(before, plan, count, 'failed');
    deploymentIn(now).written = {};
    const local = { ...facts.clusters.get('eu'), deployment: deploymentIn(now) };
    const unknown = { ...facts, clusters: new Map([...facts.clusters, ['eu', local as never]]) };
    expect(stepOf(roll(unknown), 'cloud.key').input.secret).toBeNull();
  });

  test('keeps what somebody changed since', () => {
    const before = cloudWorld();
    const plan = cloudPlan(before);
    const { facts, now, own } = runOf(before, plan, 99, 'succeeded');
    expect(own.length).toBeLessThan(99);
    deploymentIn(now).written = { us: 'secret:theirs@1' };
    deploymentIn(now).direct = [{ name: 'remora-us', type: 'proxy', trust_all: false, certificates: [{ pem: 'x' }] }];
    const local = { ...facts.clusters.get('eu'), deployment: deploymentIn(now) };
    const made = roll({ ...facts, clusters: new Map([...facts.clusters, ['eu', local as never]]) });
    expect(made.steps.map(({ kind }) => kind).filter((kind) => kind.startsWith('cloud.'))).toEqual([]);
    expect(made.warnings).toEqual([
      'The keystore entry cluster.remote.us.credentials of deployment logs was changed by somebody else since, and stays as it is.',
      'The trust remora-us of deployment logs was changed by somebody else since, and stays.',
    ]);
  });
});

describe('the rotation of its key', () => {
  const standing = (): World => cloudConnected(cloudWorld(), { expires: '90d' });

  test('is taken back by reference until the old key ends, and the connection is proven with it', () => {
    const plan = planKey(standing());
    const retire = plan.steps.findIndex(({ kind }) => kind === 'api-key.invalidate');
    for (let count = 1; count <= retire; count += 1) {
      const { now, facts } = runOf(standing(), plan, count, 'succeeded');
      const then = back(now, roll(facts));
      expect([count, works(then, 'us'), deploymentIn(then).written]).toEqual([
        ...[count, true],
        { us: 'secret:connection/eu/us/api-key@1' },
      ]);
    }
    expect(lines(roll(runOf(standing(), plan, retire, 'succeeded').facts))).toContain('prove connection.prove eu none');
  });

  test('is refused where a value stood there that Remora did not write, by name', () => {
    const theirs = standing();
    deploymentIn(theirs).written = {};
    const { facts } = runOf(theirs, planKey(theirs), 2, 'succeeded');
    expect(refusalOf(facts).message).toContain('had a value before that Remora did not write');
  });
});
