import type { RemoraError } from '@remora/shared/errors.ts';
import type { KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { describe, expect, test } from 'vitest';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { request } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { changed, nodeOf, type World, world } from '../connect/world.ts';
import { handed, planCreation, withKey } from './plans.ts';

const create = 'api-key api-key.create us api';
const update = 'api-key api-key.update us api';
const keyOf = (made: World) => {
  const key = made.keys.find(({ record }) => record.secret === handed(1));
  if (!key) throw new Error('there is no key');
  return key;
};
const bent = (change: (made: World) => void) => (): World => {
  const made = withKey(world());
  change(made);
  return made;
};

interface Case {
  readonly name: string;
  readonly world: () => World;
  readonly wish?: Partial<KeyCreateRequest>;
  readonly steps: readonly string[];
  readonly warnings?: readonly RegExp[];
  readonly also?: (plan: StoredPlan) => void;
}

/** The steps by which `connect` sets the remote cluster up, as its own plan has them. */
const setUp = (made: World, stage: RegExp): string[] =>
  lines(planIn(made, request())).filter((line) => stage.test(line));
const prepared = (made: World): string[] => setUp(made, /^prepare ca/);
const rolled = (made: World): string[] => setUp(made, /^(certificates|remote-)/);

const cases: Case[] = [
  {
    name: 'with the server off: the key, then the server as connect turns it on, and nothing of another cluster',
    world,
    steps: [...prepared(world()), create, ...rolled(world())],
    also: (plan) => {
      expect(plan).toMatchObject({ clusters: ['us'], restarts: ['us-2', 'us-3', 'us-1'], outages: [] });
      expect(stepOf(plan, 'api-key.create').input).toMatchObject({
        ...{ cluster: 'us', name: 'remora-for-team', secret: handed(1), expiration: null },
        ...{ access: { search: [{ names: ['logs-*'] }] }, metadata: { managed_by: 'remora', remora: { for: 'team' } } },
      });
    },
  },
  {
    name: 'with the server on: the key alone',
    world: () => connected(world()),
    steps: [create],
  },
  {
    name: 'with the server on, what is said of servers is not done, and the plan says so',
    world: () => connected(world()),
    wish: { sans: ['us.example.com'], remotePort: 9500 },
    steps: [create],
    warnings: [/^The remote cluster server is on on every node of cluster us, .* for --san, --remote-port\.$/],
  },
  {
    name: 'with the server on on some nodes: set up where it is off, and no other one restarts',
    world: () => {
      const made = connected(world());
      const fresh = nodeOf(world().remote, 'us-3');
      made.remote.nodes = made.remote.nodes.map((node) => (node.name === 'us-3' ? fresh : node));
      made.certificates = made.certificates.filter(({ node }) => node !== 'us-3');
      return made;
    },
    steps: [
      create,
      'certificates certificate.issue us-3 none',
      'remote-roll node.change us-3 restart',
      'remote-verify remote-server.verify us-3 none',
    ],
    also: ({ restarts }) => expect(restarts).toEqual(['us-3']),
  },
  { name: 'again: nothing to do', world: () => withKey(world()), steps: [] },
  {
    name: 'other access, another end, other metadata: the key is changed in place, and keeps its secret',
    world: () => withKey(world()),
    wish: { search: ['metrics-*'], expires: '90d', metadata: { team: 'a' } },
    steps: [update],
    also: (plan) =>
      expect(stepOf(plan, 'api-key.update').input).toMatchObject({
        ...{ id: `id-of-${handed(1)}`, secret: handed(1), expiration: '90d' },
        metadata: { team: 'a', remora: { for: 'team' } },
      }),
  },
  {
    name: 'for another one: a key of its own',
    world: () => withKey(world()),
    wish: { for: 'team-2' },
    steps: [create],
    also: (plan) => expect(stepOf(plan, 'api-key.create').input.secret).toBe('secret:handed-out/us/team-2/api-key@1'),
  },
  {
    name: 'a key that a run left which was cut off before it ended: it is that one',
    world: () => {
      const made = connected(world());
      const { steps } = planCreation(made);
      return applySteps(made, steps.slice(0, 1));
    },
    steps: [],
  },
  {
    name: 'a key whose secret was minted and which never came to be known: another version',
    world: () => {
      const made = connected(world());
      made.secretVersions['handed-out/us/team/api-key'] = 1;
      return made;
    },
    steps: [create],
    also: (plan) => expect(stepOf(plan, 'api-key.create').input.secret).toBe(handed(2)),
  },
  {
    name: 'a key that lets nobody in any more: another one',
    world: bent((made) => {
      keyOf(made).usable = false;
    }),
    steps: [create],
    also: (plan) => expect(stepOf(plan, 'api-key.create').input.secret).toBe(handed(2)),
  },
  {
    name: 'a key of another user that grants what is wanted stays',
    world: bent((made) => {
      keyOf(made).otherOwner = 'ann';
    }),
    steps: [],
  },
  {
    name: 'for a proxy: nothing depends on how nodes publish themselves',
    world,
    wish: { mode: 'proxy', proxyAddress: 'proxy.example.com:443', serverName: 'us.example.com' },
    steps: [...prepared(world()), create, ...rolled(world())],
    also: (plan) => expect(stepOf(plan, 'remote-server.verify', 'us-1').input.planned).toBeNull(),
  },
];

describe('a key for a cluster that others run', () => {
  test.each(cases)('$name', ({ world: made, wish, steps, warnings = [], also }) => {
    const plan = planCreation(made(), wish);
    expect(lines(plan)).toEqual(steps);
    expect(plan.warnings).toEqual(warnings.map((pattern) => expect.stringMatching(pattern)));
    also?.(plan);
  });
});

const refused: [string, () => World, Partial<KeyCreateRequest>, string, RegExp][] = [
  [
    'an end that a key has and is not wanted any more',
    () => withKey(world(), { expires: '90d' }),
    {},
    'preflight-failed',
    /ends on .*cannot take the end of a key away: give --expires/,
  ],
  [
    'a change of a key that belongs to another user',
    bent((made) => {
      keyOf(made).otherOwner = 'ann';
    }),
    { search: ['metrics-*'] },
    'conflict',
    /belongs to user ann of cluster us, who alone may change it: .*`remora api-keys revoke us --for team`/,
  ],
  [
    'certificates of others whose CA is not given',
    () => {
      const made = connected(world());
      made.certificates = [];
      return made;
    },
    {},
    'bad-input',
    /us-1 of cluster us serves .* with a certificate that Remora did not make.*--server-ca FILE, or --server-ca public/,
  ],
  [
    'a licence without such keys, whether the server is on or not',
    () => {
      const made = connected(world());
      made.remote.license = { type: 'basic', active: true };
      return made;
    },
    {},
    'preflight-failed',
    /licence of cluster us is basic/,
  ],
  [
    'a node that is too old',
    changed((made) => {
      nodeOf(made.remote, 'us-2').version = '8.13.4';
    }),
    {},
    'preflight-failed',
    /us-2 of cluster us is 8\.13\.4/,
  ],
  [
    'an agent that is away where the server has to be turned on',
    changed((made) => {
      nodeOf(made.remote, 'us-2').agent = 'offline';
    }),
    {},
    'agent-offline',
    /us-2/,
  ],
];

describe('is refused before anything is changed', () => {
  test.each(refused)('%s', (_, made, wish, code, says) => {
    const look = (): RemoraError => {
      try {
        planCreation(made(), wish);
      } catch (error) {
        return error as RemoraError;
      }
      throw new Error('it was planned');
    };
    const error = look();
    expect([error.code, error.findings.join('\n')]).toEqual([code, expect.stringMatching(says)]);
  });

  test('but with certificates of others whose CA is given, and with an agent away where the server is on', () => {
    const made = connected(world());
    made.certificates = [];
    nodeOf(made.remote, 'us-2').agent = 'offline';
    expect(lines(planCreation(made, { serverCa: null }))).toEqual([create]);
  });
});
