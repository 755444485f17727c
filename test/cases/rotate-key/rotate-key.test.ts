import { describe, expect, test } from 'vitest';
import type { KeyRotationFacts } from '../../../coordinator/src/plan/rotate-key/facts.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected, works } from '../connect/truth.ts';
import { nodeOf, world } from '../connect/world.ts';
import { carriedOut, one, planKey, secret, standing, usable, wish } from './plans.ts';

const eu = ['eu-1', 'eu-2'];
const whole = [
  'api-key api-key.create us api',
  ...eu.map((node) => `keystores node.change ${node} reload`),
  ...eu.map((node) => `reload secure-settings.reload ${node} reload`),
  'prove connection.prove eu none',
  'in-use api-key.verify eu none',
  'record connection.record coordinator none',
  'retire api-key.invalidate us api',
  'prove-again connection.prove eu none',
];
const again = request(wish);
const signing = { ca: 'eu-signing', subject: 'CN=eu', identity: 'CN=eu', validityMs: 1000 };

describe('the key of a connection is replaced', () => {
  test('in this order, each proven before the next, without a restart', () => {
    const plan = planKey(standing());
    expect(lines(plan)).toEqual(whole);
    expect(plan).toMatchObject({ restarts: [], outages: [], warnings: [], workflow: 'rotate-key', wanted: one });
    expect([plan.title, plan.clusters]).toEqual(['Replace the API key of eu/us', ['eu', 'us']]);
    expect(new Set(plan.steps.map(({ id }) => id)).size).toBe(plan.steps.length);
    expect(plan.stages.every(({ mode }) => mode !== 'roll')).toBe(true);
  });

  test('by one that is like it, and the connection then stands as if it had been made with that', () => {
    const made = standing();
    const plan = planKey(made);
    const { input } = stepOf(plan, 'api-key.create');
    expect(input).toMatchObject({
      ...{
        cluster: 'us',
        name: 'remora-eu-us',
        secret: secret(2),
        expiration: '90d',
        access: { search: [{ names: ['logs-*'] }] },
      },
      ...{ metadata: { team: 'search', cost: 7, managed_by: 'remora' } },
    });
    const done = carriedOut(made, plan.steps);
    for (const node of eu) {
      const { keystore, running } = nodeOf(done.local, node);
      expect([keystore.entries['cluster.remote.us.credentials']?.reference, running.credentials.us]).toEqual([
        secret(2),
        secret(2),
      ]);
    }
    expect([usable(done), done.connections[0]?.keySecret]).toEqual([[secret(2)], secret(2)]);
    expect(isConnected(done, 'us')).toBe(true);
    expect(lines(planIn(done, again))).toEqual([]);
    expect(stepOf(planKey(done), 'api-key.create').input.secret).toBe(secret(3));
  });

  test('with the life that is asked for, which is on record then', () => {
    const made = standing();
    const plan = planKey(made, { ...one, expires: '30d' });
    expect(stepOf(plan, 'api-key.create').input.expiration).toBe('30d');
    const done = carriedOut(made, plan.steps);
    expect(done.connections[0]?.expires).toBe('30d');
    expect(lines(planIn(done, request({ ...wish, expires: '30d' })))).toEqual([]);
  });

  test('after the grace that is asked for, ten seconds else', () => {
    const graceOf = (grace?: string) =>
      stepOf(planKey(standing(), grace === undefined ? one : { ...one, grace }), 'api-key.invalidate').input.graceMs;
    expect([graceOf(), graceOf('0s'), graceOf('5m')]).toEqual([10_000, 0, 300_000]);
  });

  test('and demands the signature that the old one demands', () => {
    const plan = planKey(standing(), one, (facts) => ({
      ...facts,
      keys: facts.keys.map((found) => ({ ...found, key: found.key && { ...found.key, certificateIdentity: 'CN=eu' } })),
    }));
    expect(stepOf(plan, 'api-key.create').input.certificateIdentity).toBe('CN=eu');
  });

  test('and where its cluster has forgotten the old one demands what is on record of the connection', () => {
    const plan = planKey(standing(), one, (facts) => ({
      ...facts,
      connections: facts.connections.map((record) => ({ ...record, signing })),
      keys: facts.keys.map((found) => ({ ...found, key: null, usable: false })),
    }));
    expect(stepOf(plan, 'api-key.create').input.certificateIdentity).toBe('CN=eu');
    expect(stepOf(plan, 'api-key.create').diff).toContain(', certificate_identity CN=eu\n');
    expect(plan.warnings.join()).not.toContain('demanded a signature');
  });

  test('with the metadata that people gave, also of a connection of an older release, whose record does not have it', () => {
    const made = standing();
    const plan = planKey(made, one, (facts) => ({
      ...facts,
      connections: facts.connections.map(({ metadata: _, ...record }) => record),
    }));
    expect(stepOf(plan, 'api-key.create').input.metadata).toMatchObject({ team: 'search', cost: 7 });
    expect(stepOf(plan, 'api-key.create').input.configHash).toBe(made.keys[0]?.record.configHash);
    const gone = planKey(made, one, (facts) => ({
      ...facts,
      connections: facts.connections.map(({ metadata: _, ...record }) => record),
      keys: facts.keys.map((found) => ({ ...found, key: null, usable: false })),
    }));
    expect(gone.warnings.join()).toContain('Which metadata people gave the key of eu/us is not known any more');
    expect(gone.warnings.join()).toContain('Whether the key of eu/us demanded a signature (certificate_identity)');
  });

  test('and asks for an index that it does not grant which key each node uses', () => {
    expect(stepOf(planKey(standing()), 'api-key.verify').input).toEqual({
      ...{ local: 'eu', alias: 'us', secret: secret(2), refusedIndex: 'remora-key-check' },
    });
  });

  test('although it does not work any more: it ended, or somebody invalidated it', () => {
    const made = standing(({ keys }) => {
      for (const key of keys) key.usable = false;
    });
    const plan = planKey(made);
    expect(lines(plan)).toEqual(whole.filter((line) => !/^(retire|prove-again)/.test(line)));
    expect(plan.warnings).toEqual([
      'The key of eu/us, remora-eu-us, was invalidated: the connection does not work until the new one is in place.',
    ]);
    expect(isConnected(carriedOut(made, plan.steps), 'us')).toBe(true);
  });

  test('and what somebody changed of it or wrote over it is told', () => {
    const drifted = planKey(standing(), one, (facts) => ({
      ...facts,
      keys: facts.keys.map((found) => ({
        ...found,
        key: found.key && { ...found.key, access: { search: [{ names: ['secret-*'] }] } },
      })),
    }));
    expect(drifted.warnings).toEqual([
      'The key of eu/us, remora-eu-us, was changed by somebody: it grants {"search":[{"names":["secret-*"]}]}. The new one grants what is on record.',
    ]);
    const written = standing(({ local }) => {
      nodeOf(local, 'eu-2').keystore.entries['cluster.remote.us.credentials'] = { reference: null, writtenAtMs: 1 };
      nodeOf(local, 'eu-2').running.credentials.us = null;
    });
    const plan = planKey(written);
    expect(plan.warnings.join()).toMatch(
      /Somebody else wrote the key of eu\/us into the keystore of eu-2: the new one takes its place\..*The connection eu\/us does not work now \(eu-1: it is broken\)/,
    );
    expect(isConnected(carriedOut(written, plan.steps), 'us')).toBe(true);
  });
});

describe('of several connections', () => {
  /** A second alias of the same local cluster. */
  const two = () => {
    const made = standing();
    return carriedOut(made, planIn(made, request({ alias: 'two' })).steps);
  };

  test('each node gets the keys of all in one change', () => {
    const made = two();
    const plan = planKey(made, { all: true });
    expect(plan.title).toBe('Replace 2 API keys');
    expect(plan.steps.filter(({ kind }) => kind === 'node.change').map(({ target }) => target)).toEqual(eu);
    const done = carriedOut(made, plan.steps);
    expect(usable(done).sort()).toEqual([secret(2, 'two'), secret(2)]);
    expect([works(done, 'us'), works(done, 'two')]).toEqual([true, true]);
  });

  test('names of keys are told apart, by which it is seen whose a key is that a crash left', () => {
    const made = connected(world({ remote: 1, local: 1 }), { alias: 'us-us' });
    const plan = planKey(made, { all: true }, (facts) => {
      const other = <T>(value: T): T =>
        JSON.parse(
          JSON.stringify(value).replaceAll('remote.us-us.', 'remote.us.').replaceAll('eu/us-us/', 'eu-us/us/'),
        ) as T;
      const twins = facts.connections.map((record) => ({ ...other(record), local: 'eu-us', alias: 'us' }));
      const clusters = facts.clusters.map((cluster) =>
        cluster.name === 'eu' ? { ...other(cluster), name: 'eu-us' } : cluster,
      );
      return {
        ...facts,
        connections: [...facts.connections, ...twins],
        keys: [...facts.keys, ...facts.keys.map(other)],
        clusters: [...facts.clusters, ...clusters.slice(0, 1)],
      };
    });
    expect(plan.steps.flatMap((step) => (step.kind === 'api-key.create' ? [step.input.name] : []))).toEqual([
      ...['remora-eu-us-us', 'remora-eu-us-us.2'],
    ]);
  });

  test('those are replaced that end soon or have ended, and no other one', () => {
    const made = two();
    const plan = (wanted: object, days = 0) => planKey({ ...made, nowMs: made.nowMs + days * 86_400_000 }, wanted);
    const titles = [
      plan({ expiring: '30d' }),
      plan({ expiring: '91d' }),
      plan({ due: true }, 55),
      plan({ due: true }, 65),
      plan({ expiring: '1d' }, 100),
    ];
    expect(titles.map(({ title }) => title)).toEqual([
      ...['Replace 0 API keys', 'Replace the API key of eu/us', 'Replace 0 API keys'],
      ...['Replace the API key of eu/us', 'Replace the API key of eu/us'],
    ]);
    expect(plan({ expiring: '30d' })).toMatchObject({ steps: [], clusters: [], stages: [], warnings: [] });
  });

  test('one that was revoked comes back only where it is named', () => {
    const made = two();
    made.keys = made.keys.map((key) => (key.record.secret === secret(1) ? { ...key, usable: false } : key));
    expect(planKey(made, { expiring: '365d' }).steps).toEqual([]);
    const all = planKey(made, { all: true });
    expect([all.title, all.warnings]).toEqual([
      'Replace the API key of eu/two',
      ['eu/us is left: its key was invalidated. `remora api-keys rotate eu us` gives it another.'],
    ]);
    expect(planKey(made, one).title).toBe('Replace the API key of eu/us');
  });

  test('nor does it once its cluster forgot it, as it does after a week; one that ended does', () => {
    const made = two();
    const forgot =
      (more: object = {}) =>
      (facts: KeyRotationFacts): KeyRotationFacts => ({
        ...facts,
        keys: facts.keys.map((found) =>
          found.record.secret === secret(1)
            ? { record: { ...found.record, ...more }, key: null, usable: false }
            : found,
        ),
      });
    expect(planKey(made, { expiring: '365d' }, forgot()).steps).toEqual([]);
    expect(planKey(made, { all: true }, forgot()).warnings.join()).toContain(
      'eu/us is left: its key was invalidated, or its cluster forgot it. `remora api-keys rotate eu us`',
    );
    const late = { ...made, nowMs: made.nowMs + 100 * 86_400_000 };
    expect(planKey(late, { expiring: '1d' }, forgot()).title).toBe('Replace the API key of eu/us');
    expect(planKey(late, { expiring: '1d' }, forgot({ revoked: true })).steps).toEqual([]);
    expect(planKey(late, one, forgot({ revoked: true })).title).toBe('Replace the API key of eu/us');
  });

  test('the end of a key counts as its cluster has it: somebody may have moved it', () => {
    const ending = (days: number) => (facts: KeyRotationFacts) => ({
      ...facts,
      keys: facts.keys.map((found) => ({
        ...found,
        key: found.key && { ...found.key, expiresAtMs: standing().nowMs + days * 86_400_000 },
      })),
    });
    expect(planKey(standing(), { expiring: '30d' }, ending(10)).title).toBe('Replace the API key of eu/us');
    expect(planKey(standing(), { expiring: '100d' }, ending(200)).steps).toEqual([]);
  });
});

describe('a node whose agent is away', () => {
  const away = () =>
    standing(({ local }) => {
      nodeOf(local, 'eu-2').agent = 'offline';
    });

  test('is planned with, and left: the plan is the one that it would be with its agent there', () => {
    const wanted = { ...one, waitOffline: true } as const;
    const plan = planKey(away(), wanted);
    expect(lines(plan)).toEqual(whole);
    expect(stepOf(plan, 'node.change', 'eu-2').input.unseen).toEqual({
      pid: nodeOf(away().local, 'eu-2').pid,
      startedAtMs: expect.any(Number),
    });
    expect(plan.warnings.join()).toContain(
      'Nodes whose agents are away: eu-2. Until each has proven the new key the old one lives',
    );
    expect(plan.hash).toBe(planKey(standing(), wanted).hash);
    expect(isConnected(carriedOut(away(), plan.steps), 'us')).toBe(true);
  });
});
