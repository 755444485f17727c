import { describe, expect, test } from 'vitest';
import type { KeyRotationFacts } from '../../../coordinator/src/plan/rotate-key/facts.ts';
import { request } from '../connect/facts.ts';
import { planIn } from '../connect/plans.ts';
import { nodeOf, type World } from '../connect/world.ts';
import { carriedOut, one, planKey, refusal, standing } from './plans.ts';

const asObserved = (facts: KeyRotationFacts): KeyRotationFacts => facts;
const unseen =
  (name: string) =>
  (facts: KeyRotationFacts): KeyRotationFacts => ({
    ...facts,
    clusters: facts.clusters.filter((cluster) => cluster.name !== name),
    unseen: new Map([[name, `Looking at the cluster on cluster ${name}: no answer.`]]),
  });

type Observed = (facts: KeyRotationFacts) => KeyRotationFacts;
const cases: readonly (readonly [string, (made: World) => void, string, RegExp, Observed?])[] = [
  [
    'a connection without a key on record',
    (made) => {
      made.keys = [];
    },
    'preflight-failed',
    /^The connection eu\/us has no key on record that could be replaced: `remora connect eu us --alias us` with what it shall grant makes one\.$/,
  ],
  [
    'a node without an agent',
    ({ local }) => {
      nodeOf(local, 'eu-1').agent = 'missing';
    },
    'agent-missing',
    /^Node eu-1 of cluster eu has no agent/,
  ],
  [
    'an agent that is away, without --wait-offline',
    ({ local }) => {
      nodeOf(local, 'eu-2').agent = 'offline';
    },
    'agent-offline',
    /^The agent of node eu-2 \(cluster eu\) is offline/,
  ],
  [
    'a keystore that cannot be read',
    ({ local }) => {
      nodeOf(local, 'eu-2').keystore.refusal = 'it is protected.';
    },
    'keystore-password',
    /^The keystore of node eu-2 \(cluster eu\) cannot be read: it is protected\./,
  ],
  ...(['online', 'offline'] as const).map((agent): (typeof cases)[number] => [
    `a node that does not connect and whose keystore nobody can look at, its agent ${agent}`,
    ({ local }) => {
      Object.assign(nodeOf(local, 'eu-2'), { agent, roles: ['data'] });
      nodeOf(local, 'eu-2').keystore.refusal = 'it is protected.';
    },
    agent === 'online' ? 'keystore-password' : 'agent-offline',
    agent === 'online'
      ? /^The keystore of node eu-2 \(cluster eu\) cannot be read/
      : /^The agent of node eu-2 \(cluster eu\) is offline: .* Until then whether its keystore has the old key of eu\/us cannot be told\.$/,
  ]),
  [
    'a node that never had a key for the alias',
    ({ local }) => {
      delete nodeOf(local, 'eu-2').keystore.entries['cluster.remote.us.credentials'];
    },
    'preflight-failed',
    /^Node eu-2 of cluster eu has no key for us in its keystore: `remora connect eu us --alias us`/,
  ],
  [
    'an alias that is not registered',
    ({ local }) => {
      local.persistent = {};
    },
    'preflight-failed',
    /^Cluster eu has no alias us registered/,
  ],
  [
    'a node that has an agent and is not in the cluster',
    ({ local }) => {
      local.absentNodes.push('eu-3');
    },
    'preflight-failed',
    /^Node eu-3 has an agent and is not in cluster eu/,
  ],
  [
    'a user that may not make keys',
    ({ remote }) => {
      remote.missingPrivileges.push('manage_security');
    },
    'preflight-failed',
    /^The user that Remora has for cluster us lacks the cluster privilege manage_security\.$/,
  ],
  [
    'a user that may not ask over the alias',
    ({ local }) => {
      local.remoteAliases = ['other-*'];
    },
    'preflight-failed',
    /has no remote_indices for the alias us/,
  ],
  [
    'a remote cluster that does not answer',
    () => undefined,
    'cluster-unreachable',
    /on cluster us: no answer/,
    unseen('us'),
  ],
  [
    'a local cluster that does not answer',
    () => undefined,
    'cluster-unreachable',
    /on cluster eu: no answer/,
    unseen('eu'),
  ],
  [
    'no node that connects',
    ({ local }) => {
      for (const node of local.nodes) node.roles = ['data'];
    },
    'preflight-failed',
    /^No node of cluster eu has the role remote_cluster_client\.$/,
  ],
];

describe('the rotation of a key is refused before anything changed', () => {
  test.each(cases.map(([what, ...rest]) => ({ what, rest })))(
    '$what',
    ({ rest: [bend, code, message, observed = asObserved] }) => {
      const error = refusal(standing(bend), one, observed);
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
    },
  );

  test('of a node that does not connect with --wait-offline too, since nobody waits for it; unless no old key is to go', () => {
    const bend = ({ local }: World): void => {
      Object.assign(nodeOf(local, 'eu-2'), { agent: 'offline', roles: ['data'] });
    };
    expect(refusal(standing(bend), { ...one, waitOffline: true }).code).toBe('agent-offline');
    const dead = standing((made) => {
      bend(made);
      for (const key of made.keys) key.usable = false;
    });
    expect(planKey(dead).steps.length).toBeGreaterThan(0);
  });

  test('of one that is broken although its key is good, as far as possible: all of a run would be put back for it', () => {
    const first = standing();
    const made = carriedOut(first, planIn(first, request({ alias: 'two' })).steps);
    const broken = (facts: KeyRotationFacts): KeyRotationFacts => ({
      ...facts,
      problems: new Map([...facts.problems, ['eu/two', 'eu-1: it is broken']]),
    });
    const plan = planKey(made, { all: true, asFarAsPossible: true }, broken);
    expect([plan.title, plan.warnings]).toEqual([
      'Replace the API key of eu/us',
      [
        'eu/two is left: The connection eu/two does not work now, and not for want of a key (eu-1: it is broken): mend it first, or replace its key by itself with `remora api-keys rotate eu two`.',
      ],
    ]);
    expect(planKey(made, { all: true }, broken).title).toBe('Replace 2 API keys');
    const dead = (facts: KeyRotationFacts): KeyRotationFacts => ({
      ...broken(facts),
      keys: facts.keys.map((found) => ({
        ...found,
        key: found.key && { ...found.key, expiresAtMs: 1 },
        usable: false,
      })),
    });
    expect(planKey(made, { all: true, asFarAsPossible: true }, dead).title).toBe('Replace 2 API keys');
  });

  test('of a connection that is not there, by name', () => {
    expect(refusal(standing(), { local: 'eu', alias: 'ap' })).toMatchObject({
      ...{ code: 'not-found', message: 'Remora manages no connection "ap" of cluster eu.' },
    });
    expect(refusal(standing(), { local: 'ap', all: true })).toMatchObject({ code: 'not-found' });
  });

  test('unless others can be replaced, and it is as far as possible: then it is told', () => {
    const made = standing();
    const broken = (facts: KeyRotationFacts): KeyRotationFacts => {
      const [first] = facts.connections;
      if (!first) throw new Error('there is no connection');
      return {
        ...facts,
        connections: [first, { ...first, alias: 'half', keySecret: 'secret:connection/eu/half/api-key@1' }],
      };
    };
    const nightly = { all: true, asFarAsPossible: true } as const;
    const plan = planKey(made, nightly, broken);
    expect(plan.title).toBe('Replace the API key of eu/us');
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^eu\/half is left: The connection eu\/half has no key on record/),
    ]);
    expect(refusal(made, { all: true }, broken).message).toContain('eu/half has no key on record');
    const none = standing((it) => {
      it.keys = [];
    });
    expect(refusal(none, nightly).code).toBe('preflight-failed');
  });
});
