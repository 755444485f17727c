import { describe, expect, test } from 'vitest';
import type { PastRun, RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { request } from '../connect/facts.ts';
import { stepOf } from '../connect/plans.ts';
import { change, connected, done, ended, RUN, refusalOf, roll, withBackup } from './connected.ts';

describe('a rollback', () => {
  test('goes the reverse way: alias, local nodes, remote nodes, key, records, mark', () => {
    const { facts } = connected();
    const plan = roll(facts);
    expect(plan.stages.map(({ id }) => id)).toEqual(['settings', 'roll-eu', 'roll-us', 'api-keys', 'end']);
    expect(plan.restarts).toEqual(['eu-1', 'us-2', 'us-3', 'us-1']);
    expect(plan.outages).toEqual(['Cluster eu has one node: it is unavailable while eu-1 restarts.']);
    expect([plan.workflow, plan.wanted, plan.warnings]).toEqual(['rollback', { run: RUN }, []]);
    expect(roll(facts).hash).toBe(plan.hash);
    const [settings] = plan.steps;
    if (settings?.kind !== 'cluster-settings.put') throw new Error('no settings');
    expect(new Set(Object.values(settings.input.persistent))).toEqual(new Set([null]));
    expect(Object.keys(settings.input.persistent).every((name) => name.startsWith('cluster.remote.us.'))).toBe(true);
    expect(plan.steps.map(({ kind }) => kind).slice(-3)).toEqual([
      ...['api-key.invalidate', 'inventory.put-back', 'run.rollback'],
    ]);
  });

  test('names every delivery of a node, the newest first, and shows what goes', () => {
    const { facts, plan } = connected();
    const steps = new Map(facts.run.steps);
    const step = plan.steps.find(({ id }) => id === 'change-us.us-2');
    steps.set('change-us.us-2', done({ attempts: 2 }));
    steps.set('verify-server-us-2', done({ intent: { reissueFor: 'x' } }));
    const made = roll({ ...facts, run: { ...facts.run, steps } }).steps.find(({ target }) => target === 'us-2');
    expect(step?.kind === 'node.change' && made?.kind === 'node.change' && made.input.operations[0]).toEqual({
      name: 'undo',
      input: { deliveries: [`${RUN}/verify-server-us-2/1`, `${RUN}/change-us.us-2/2`, `${RUN}/change-us.us-2/1`] },
    });
    expect(made?.diff.split('\n')).toEqual([
      '- file remora-remote-cluster-server.p12',
      '- remote_cluster_server.enabled: true',
      '- keystore xpack.security.remote_cluster_server.ssl.keystore.secure_password',
    ]);
  });

  test('reloads where no restart is needed', () => {
    const { facts } = connected();
    const plan = roll(withBackup(facts, 'eu/eu-1', { changes: [change('entry', 'cluster.remote.us.credentials')] }));
    expect(plan.restarts).not.toContain('eu-1');
    expect(plan.steps.find(({ kind }) => kind === 'secure-settings.reload')).toMatchObject({ target: 'eu-1' });
  });

  test('leaves what somebody changed since, and says so', () => {
    const { facts } = connected();
    const changes = [change('setting', 'a.b', { state: 'foreign' }), change('setting', 'c.d', { state: 'back' })];
    const alias = [...Object.keys(facts.settings.get('eu') ?? {})].find((name) => name.endsWith('.skip_unavailable'));
    const eu = { ...facts.settings.get('eu'), ...(alias === undefined ? {} : { [alias]: 'false' }) };
    const plan = roll({
      ...withBackup(facts, 'us/us-2', { changes }),
      settings: new Map([...facts.settings, ['eu', eu]]),
    });
    expect(plan.restarts).not.toContain('us-2');
    expect(plan.warnings).toContain(
      'a.b on node us-2 of cluster us was changed by somebody else since, and stays as it is.',
    );
  });

  test('of a run that came to some steps only takes back just those', () => {
    const { facts, plan } = connected();
    const steps = new Map([...facts.run.steps].filter(([id]) => ['record-connection', 'change-us.us-2'].includes(id)));
    steps.set('change-us.us-2', done({ status: 'failed' }));
    const made = roll({ ...facts, run: { ...facts.run, status: 'failed', steps }, keys: [] });
    expect(made.steps.map(({ id }) => id)).toEqual(['change-us.us-2', 'put-back-records', 'mark-run']);
    expect(plan.steps.length).toBeGreaterThan(10);
  });

  test('of a run that ended at the roll of the remote cluster ends its key too, and waits for no local node: it came to none', () => {
    const { facts } = connected();
    const begun = ['record-connection', 'create-api-key', 'change-us.us-2'];
    const steps = new Map([...facts.run.steps].filter(([id]) => begun.includes(id)));
    steps.set('change-us.us-2', done({ status: 'failed' }));
    const eu = facts.clusters.get('eu');
    if (!eu) throw new Error('no cluster');
    const away = { ...eu, nodes: eu.nodes.map((node) => ({ ...node, agent: { state: 'offline' } as const })) };
    const clusters = new Map([...facts.clusters, ['eu', away]]);
    const failed = { ...facts, clusters, run: { ...facts.run, status: 'failed' as const, steps } };
    const made = roll(failed);
    expect(made.steps.map(({ id }) => id)).toEqual([
      ...['change-us.us-2', 'invalidate-key-k1', 'put-back-records', 'mark-run'],
    ]);
    expect(stepOf(made, 'api-key.invalidate').input).toMatchObject({ id: 'k1', away: ['eu/eu-1'] });
    steps.set('change-eu.eu-1', done({ status: 'failed', kept: { began: true } }));
    expect(refusalOf(failed).findings.join('\n')).toContain('eu-1');
    steps.delete('change-eu.eu-1');
    const limited = { ...failed.run.plan, wanted: request({ nodes: ['us-2', 'eu-2'] }) };
    expect(refusalOf({ ...failed, run: { ...failed.run, plan: limited } }).findings.join('\n')).toContain('eu-1');
  });

  test('of a node that has gone says so and goes on', () => {
    const { facts } = connected();
    const us = facts.clusters.get('us');
    if (!us) throw new Error('no cluster');
    const without = { ...us, nodes: us.nodes.filter(({ name }) => name !== 'us-2') };
    const plan = roll({ ...facts, clusters: new Map([...facts.clusters, ['us', without]]) });
    expect(plan.restarts).toEqual(['eu-1', 'us-3', 'us-1']);
    expect(plan.warnings).toContain('Node us-2 of cluster us, which the run changed, is gone: it is left out.');
  });
});

describe('a rollback is refused', () => {
  const withRun = (change: (run: PastRun) => Partial<PastRun>): RollbackFacts => {
    const { facts } = connected();
    return { ...facts, run: { ...facts.run, ...change(facts.run) } };
  };
  const withOther = (at: string, more: Partial<PastRun> = {}): RollbackFacts => {
    const { facts, plan } = connected();
    const steps = new Map([['change-us.us-2', done({ startedAt: at, finishedAt: at })]]);
    return { ...facts, others: [ended(plan, { runId: 'run-2', steps, ...more })] };
  };
  const cases: readonly [string, () => RollbackFacts, string, RegExp][] = [
    ['while it runs', () => withRun(() => ({ status: 'running' })), 'conflict', /it is running/],
    ['while it waits', () => withRun(() => ({ status: 'waiting' })), 'conflict', /it is waiting/],
    [
      'twice',
      () => withRun(() => ({ status: 'rolled_back', rollback: 'run-9' })),
      'conflict',
      /run-9 did that already/,
    ],
    [
      'of a rollback',
      () => withRun(({ plan }) => ({ plan: { ...plan, workflow: 'rollback' } })),
      'conflict',
      /took another run back itself/,
    ],
    ['when it began nothing', () => withRun(() => ({ steps: new Map() })), 'conflict', /changed nothing/],
    [
      'after a later run of the same node',
      () => withOther('2026-03-01T11:30:00.000Z'),
      'conflict',
      /run-2 .* changed node us\/us-2 since/,
    ],
    [
      'while another connection uses the remote cluster server that the run set up',
      () => {
        const { facts } = connected();
        const other = {
          ...(facts.connections[0] as (typeof facts.connections)[number]),
          local: 'ap',
          alias: 'americas',
        };
        return { ...facts, connections: [...facts.connections, { ...other, keySecret: 'secret:other@1' }] };
      },
      'conflict',
      /the connection ap\/americas uses the remote cluster server of us too/,
    ],
    [
      'when the backup is lost',
      () => withBackup(connected().facts, 'us/us-2', { changes: [change('file', 'a.crt', { state: 'lost' })] }),
      'preflight-failed',
      /Node us-2 of cluster us: what stood there before a\.crt is not kept any more/,
    ],
    [
      'when the delivery is forgotten',
      () => withBackup(connected().facts, 'us/us-2', { unknown: [`${RUN}/change-us.us-2/1`] }),
      'preflight-failed',
      /Node us-2 .* 30 days, of their newest 20 changes/,
    ],
    [
      'when an older release made it',
      () => withRun(({ steps }) => ({ steps: new Map([...steps].map(([id, step]) => [id, { ...step, kept: null }])) })),
      'conflict',
      /an older release made it/,
    ],
    [
      'when somebody set more of the alias',
      () => {
        const { facts } = connected();
        const eu = { ...facts.settings.get('eu'), 'cluster.remote.us.transport.compress': 'true' };
        return { ...facts, settings: new Map([...facts.settings, ['eu', eu]]) };
      },
      'preflight-failed',
      /cluster\.remote\.us\.transport\.compress, which somebody else set since/,
    ],
  ];
  test.each(cases)('%s', (_, facts, code, message) => {
    const refused = refusalOf(facts());
    expect(refused.code).toBe(code);
    expect(refused.message).toMatch(message);
  });

  test('but not for an earlier run, one that was rolled back, or what took it back', () => {
    expect(roll(withOther('2026-03-01T10:00:00.000Z')).steps).not.toEqual([]);
    expect(roll(withOther('2026-03-01T11:30:00.000Z', { status: 'rolled_back' })).steps).not.toEqual([]);
  });
});
