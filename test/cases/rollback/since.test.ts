import { describe, expect, test } from 'vitest';
import { casOf } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../../../coordinator/src/plan/facts.ts';
import type { PastRun, RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { request } from '../connect/facts.ts';
import { planIn } from '../connect/plans.ts';
import { world } from '../connect/world.ts';
import { change, connected, done, ended, RUN, refusalOf, roll, withBackup } from './connected.ts';

const LATER = '2026-03-01T11:30:00.000Z';

const changeNode = (facts: RollbackFacts, name: string, bend: (node: NodeObservation) => NodeObservation) => {
  const clusters = new Map(
    [...facts.clusters].map(([key, cluster]): [string, ClusterObservation] => [
      key,
      { ...cluster, nodes: cluster.nodes.map((node) => (node.name === name ? bend(node) : node)) },
    ]),
  );
  return { ...facts, clusters };
};
const changeFacts = (facts: RollbackFacts, name: string, more: object): RollbackFacts =>
  changeNode(facts, name, (node) =>
    node.agent.state === 'online'
      ? { ...node, agent: { ...node.agent, facts: { ...node.agent.facts, ...more } } }
      : node,
  );
const withAgent = (facts: RollbackFacts, name: string, agent: NodeObservation['agent']): RollbackFacts =>
  changeNode(facts, name, (node) => ({ ...node, agent }));
const withState = (facts: RollbackFacts, id: string, more: Parameters<typeof done>[0]): RollbackFacts => ({
  ...facts,
  run: { ...facts.run, steps: new Map(facts.run.steps).set(id, done(more)) },
});
const bendCluster = (facts: RollbackFacts, name: string, more: Partial<ClusterObservation>): RollbackFacts => {
  const cluster = facts.clusters.get(name);
  if (!cluster) throw new Error(`no cluster ${name}`);
  return { ...facts, clusters: new Map(facts.clusters).set(name, { ...cluster, ...more }) };
};

/** Another run of these steps, later than the one that is taken back. */
const later = (plan: StoredPlan, more: Partial<PastRun> = {}): PastRun => ({
  ...ended(plan, { runId: 'run-2' }),
  steps: new Map(
    plan.steps.map(({ id }) => [id, done({ startedAt: LATER, finishedAt: LATER, kept: { before: null } })]),
  ),
  ...more,
});
const limited = (...nodes: string[]): StoredPlan => planIn(world({ remote: 3, local: 2 }), request({ nodes }));

describe('of a run that was limited to some nodes', () => {
  test('takes back these nodes, and what the run filed and made for them', () => {
    const { facts } = connected(world({ remote: 3, local: 2 }), ['us-2']);
    const plan = roll(facts);
    expect(plan.steps.map(({ id }) => id)).toEqual(['change-us.us-2', 'put-back-records', 'mark-run']);
    expect([plan.restarts, plan.warnings]).toEqual([['us-2'], []]);
    const records = plan.steps.find(({ kind }) => kind === 'inventory.put-back');
    expect(records?.diff).toBe('- connection eu/us');
  });

  test('of local ones takes the key with it', () => {
    const { facts } = connected(world({ remote: 3, local: 2 }), ['eu-1']);
    expect(roll(facts).steps.map(({ id }) => id)).toEqual([
      ...['change-eu.eu-1', 'invalidate-key-k1', 'put-back-records', 'mark-run'],
    ]);
  });

  test('is refused once the connection was taken apart, which is not taken back itself', () => {
    const { facts } = connected();
    const plan: StoredPlan = { ...facts.run.plan, workflow: 'disconnect', title: 'Disconnect eu from us ("us")' };
    const refused = refusalOf({ ...facts, others: [later(plan)] });
    expect(refused).toMatchObject({
      code: 'conflict',
      hint: expect.stringMatching(/^That one took a connection apart/),
    });
    const itself = refusalOf({ ...facts, run: ended(plan) });
    expect(itself.message).toMatch(/cannot be rolled back: it took a connection apart, whose API key/);
  });

  test('is refused while a later run of the same connection did other nodes: it stands on what the first one made', () => {
    const { facts } = connected(world({ remote: 3, local: 2 }), ['us-2']);
    const refused = refusalOf({ ...facts, others: [later(limited('us-3'))] });
    expect(refused.message).toMatch(/run-2 .* changed connection eu\/us since/);
    expect(refused.hint).toContain('remora runs rollback run-2');
    // The other way round the later one goes first.
    const other = connected(world({ remote: 3, local: 2 }), ['us-3']).facts;
    const earlier = {
      ...later(limited('us-2')),
      steps: new Map([['change-us.us-2', done({ startedAt: '2026', finishedAt: '2026' })]]),
    };
    expect(roll({ ...other, others: [earlier] }).restarts).toEqual(['us-3']);
    const undone = new Map([['change-us.us-3', done({ status: 'undone', startedAt: LATER, finishedAt: LATER })]]);
    expect(roll({ ...facts, others: [later(limited('us-3'), { steps: undone })] }).restarts).toEqual(['us-2']);
  });
});

describe('a rollback is refused', () => {
  const entry = { name: 'cluster.remote.us.credentials', writtenAtMs: null };
  const two = () => connected(world({ remote: 3, local: 2 })).facts;
  /** The run came to one of two local nodes only. */
  const one = (): RollbackFacts => {
    const facts = two();
    const steps = new Map([...facts.run.steps].filter(([id]) => !id.endsWith('eu.eu-2')));
    const backups = new Map([...facts.backups].filter(([node]) => node !== 'eu/eu-2'));
    return { ...facts, backups, run: { ...facts.run, steps } };
  };
  const keystore = (facts: RollbackFacts, more: object): RollbackFacts =>
    changeFacts(facts, 'eu-2', {
      keystore: { exists: true, digest: 'd', passwordProtected: false, refusal: null, ...more },
    });
  const attempts = (count: number): RollbackFacts => withState(two(), 'change-us.us-2', { attempts: count });
  const rolledBackBy = (status: PastRun['status']): RollbackFacts => {
    const { facts } = connected();
    const plan = { ...roll(facts), wanted: { run: RUN } };
    return { ...facts, others: [later(plan, { runId: 'run-3', status })] };
  };
  const cases: readonly [string, () => RollbackFacts, string, RegExp][] = [
    [
      "while a node's agent is away",
      () => withAgent(two(), 'us-2', { state: 'offline' }),
      'agent-offline',
      /The agent of node us-2 \(cluster us\) is offline: start `remora agent run` there\.$/,
    ],
    [
      'when a node has no agent any more',
      () => withAgent(two(), 'us-2', { state: 'missing' }),
      'agent-missing',
      /Node us-2 of cluster us has no agent: make a token/,
    ],
    [
      'when an agent that knows the run sits beside another process',
      () => changeFacts(two(), 'us-2', { process: { running: true, pid: 7, identity: '7:1', startedAtMs: 1 } }),
      'wrong-node',
      /agent that joined as us-2 of cluster us sees a process with id 7/,
    ],
    [
      'when the configuration cannot be written',
      () => changeFacts(two(), 'us-2', { configDirRefusal: 'it is mounted read-only' }),
      'node-read-only',
      /configuration of node us-2 \(cluster us\) cannot be written: it is mounted read-only/,
    ],
    [
      'when a node has left and its agent has not',
      () => {
        const facts = two();
        const nodes = facts.clusters.get('us')?.nodes.filter(({ name }) => name !== 'us-2') ?? [];
        return bendCluster(facts, 'us', { nodes, absentNodes: ['us-2'] });
      },
      'preflight-failed',
      /Node us-2 of cluster us has an agent and is not in the cluster: start it, or take it out with `remora nodes remove`/,
    ],
    [
      'while a local node that the run did not come to cannot be asked for the key',
      () => withAgent(one(), 'eu-2', { state: 'offline' }),
      'preflight-failed',
      /The agent of node eu-2 \(cluster eu\) is offline/,
    ],
    [
      'while a local node is away from its cluster, that may have the key',
      () => bendCluster(one(), 'eu', { absentNodes: ['eu-3'] }),
      'preflight-failed',
      /Node eu-3 of cluster eu has an agent and is not in the cluster, and whether its keystore has API key/,
    ],
    [
      'while a local keystore cannot be read',
      () => keystore(one(), { entries: null, refusal: 'its password is another one.' }),
      'preflight-failed',
      /The keystore of node eu-2 \(cluster eu\) cannot be read.* its password is another one/,
    ],
    [
      'while a node has the key that the run did not give it',
      () => {
        const facts = one();
        return keystore(facts, { entries: [{ ...entry, reference: facts.keys[0]?.record.secret }] });
      },
      'preflight-failed',
      /keystore of node eu-2 \(cluster eu\) has API key \S+ as cluster\.remote\.us\.credentials, which the run did not write there/,
    ],
    [
      'when no agent is left that could say whether a node has the key',
      () => bendCluster(one(), 'eu', { nodes: [] }),
      'preflight-failed',
      /no node of eu has an agent that could say whether a keystore still has it/,
    ],
    [
      'when a node got more deliveries than can be taken back',
      () => attempts(50),
      'preflight-failed',
      /51 deliveries, more than an agent takes back at once \(50\)/,
    ],
    [
      'when what a contested change left is forgotten',
      () =>
        withBackup(withState(two(), 'change-us.us-2', { status: 'failed', kept: { began: true } }), 'us/us-2', {
          unknown: [`${RUN}/change-us.us-2/1`],
        }),
      'preflight-failed',
      /Node us-2 .* Put it back by hand/,
    ],
    [
      'while another rollback of it goes on',
      () => rolledBackBy('running'),
      'conflict',
      /run run-3 takes it back already, and is running/,
    ],
    [
      'while another rollback of it pauses',
      () => rolledBackBy('paused'),
      'conflict',
      /run run-3 takes it back already, and is paused/,
    ],
  ];
  test.each(cases)('%s', (_, facts, code, message) => {
    const refused = refusalOf(facts());
    expect(refused.message).toMatch(message);
    expect(refused.code).toBe(code);
  });

  test('but not after one that ended half-way, with as many deliveries as can be taken back', () => {
    expect(roll(rolledBackBy('failed')).steps).not.toEqual([]);
    const step = roll(attempts(49)).steps.find(({ target }) => target === 'us-2');
    expect(step?.kind === 'node.change' && step.input.operations[0]?.input).toMatchObject({
      deliveries: { length: 50 },
    });
  });
});

describe('a rollback', () => {
  test('of a run that failed in its first step forgets what that filed, and marks the run', () => {
    const { facts } = connected();
    const first = facts.run.plan.steps.find(({ kind }) => kind === 'connection.record')?.id ?? '';
    const of = (kept: unknown, connections = facts.connections): RollbackFacts => ({
      ...{ ...facts, connections, keys: [] },
      run: { ...facts.run, status: 'failed', steps: new Map([[first, done({ status: 'failed', kept })]]) },
    });
    expect(roll(of({ before: null })).steps.map(({ id }) => id)).toEqual(['put-back-records', 'mark-run']);
    expect(roll(of(null, [])).steps.map(({ id }) => id)).toEqual(['mark-run']);
    expect(roll(of({ before: null })).restarts).toEqual([]);
  });

  test('reloads again where an earlier one put the entry back and came no further', () => {
    const entry = change('entry', 'cluster.remote.us.credentials', { state: 'back', existed: true });
    const { steps } = roll(withBackup(connected().facts, 'eu/eu-1', { changes: [entry] }));
    expect(steps.filter(({ target }) => target === 'eu-1').map(({ kind }) => kind)).toEqual(['secure-settings.reload']);
  });

  test('leaves alone a node that joined since', () => {
    const { facts } = connected();
    const us = facts.clusters.get('us');
    const fourth = { ...(us?.nodes[0] as NodeObservation), name: 'us-4', electedMaster: false };
    const joined = bendCluster(facts, 'us', {
      nodes: [...(us?.nodes ?? []), { ...fourth, agent: { state: 'missing' } }],
    });
    expect(roll(joined).steps.map(({ id }) => id)).toEqual(roll(facts).steps.map(({ id }) => id));
    expect(roll(joined).warnings).toEqual([]);
  });

  test('of a renewal is no matter for others who use the same server', () => {
    const { facts } = connected();
    const [own] = facts.connections;
    const other = {
      ...own,
      local: 'ap',
      alias: 'americas',
      keySecret: 'secret:other@1',
    } as (typeof facts.connections)[number];
    const issues = facts.run.plan.steps.filter(({ kind }) => kind === 'certificate.issue');
    const renewed = (ca: string): RollbackFacts => {
      const before = {
        ca,
        node: 'us-1',
        cluster: 'us',
        purpose: 'remote_cluster_server',
        facts: { notAfter: '2026-04-01T00:00:00Z' },
      };
      const steps = new Map(facts.run.steps);
      for (const { id } of issues) steps.set(id, done({ kept: { before } }));
      return { ...facts, run: { ...facts.run, steps }, connections: [...facts.connections, other] };
    };
    expect(roll(renewed(own ? (casOf(own)[0] ?? '') : '')).restarts).toContain('us-1');
    expect(refusalOf(renewed('another')).message).toMatch(/ap\/americas uses the remote cluster server of us too/);
  });
});
