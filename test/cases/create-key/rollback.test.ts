import { describe, expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { refuseRun } from '../../../coordinator/src/plan/rollback/refusals.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request } from '../connect/facts.ts';
import { connected as connectedWorld, lines, stepOf } from '../connect/plans.ts';
import { type World, world } from '../connect/world.ts';
import { change, connected, done, ended, keyOf, refusalOf, roll } from '../rollback/connected.ts';
import { handed, planCreation, withKey } from './plans.ts';

/** The facts right after a key was made for somebody, which set the remote cluster up where that was not done. */
const created = (made: World, more: Partial<RollbackFacts> = {}): RollbackFacts => {
  const plan = planCreation(made);
  const { remote, secretVersions } = factsOf(withKey(made), request());
  const key = keyOf(handed(1), 'k1', 'remora-for-team-run-1-1-r1');
  const nodes = plan.steps.filter(({ kind }) => kind === 'node.change');
  const backup = { changes: [change('setting', 'remote_cluster_server.enabled', { now: true })], unknown: [] };
  return {
    ...{ run: ended(plan), others: [], clusters: new Map([['us', remote]]), settings: new Map([['us', {}]]) },
    backups: new Map(nodes.map(({ target }) => [`us/${target}`, backup])),
    ...{ keys: [key], earlierKeys: [], apiKeys: [key.record], connections: [], cas: [], certificates: [], signers: [] },
    ...{ deploymentTrusts: [], principals: new Map(), secretVersions, ...more },
  };
};

describe('a run that made a key for others is taken back', () => {
  test('the server is turned off, and nobody gets in with the key', () => {
    const plan = roll(created(world()));
    const changes = lines(plan).filter((line) => /node\.change|api-key\./.test(line));
    expect(changes.map((line) => line.replace(/^\S+ /, ''))).toEqual([
      ...['us-2', 'us-3', 'us-1'].map((node) => `node.change ${node} restart`),
      'api-key.revoke us api',
    ]);
    expect(plan.clusters).toEqual(['us']);
    expect(stepOf(plan, 'inventory.put-back').input.records).toMatchObject([
      { id: handed(1), record: { revoked: true } },
    ]);
    expect(plan.warnings).toContainEqual(expect.stringMatching(/^Whoever was given API key remora-for-team-/));
  });

  test('where the server was on, the key alone goes', () => {
    const plan = roll(created(connectedWorld(world())));
    expect(plan.restarts).toEqual([]);
    expect(lines(plan).filter((line) => line.includes('us'))).toEqual(['api-keys api-key.revoke us api']);
  });

  test('but not while others have a key who get in by the server that it set up', () => {
    const other = keyOf('secret:handed-out/us/team-2/api-key@1', 'k2', 'remora-for-team-2-x').record;
    const facts = created(world());
    const with2 = (record: typeof other): RollbackFacts => ({ ...facts, apiKeys: [...facts.apiKeys, record] });
    const error = refusalOf(with2(other));
    expect([error.code, error.message]).toEqual([
      'conflict',
      expect.stringMatching(/: team-2, .* which the run set up/),
    ]);
    expect(error.hint).toContain('`remora api-keys revoke us --for team-2`');
    for (const record of [
      { ...other, revoked: true as const },
      { ...other, expiresAtMs: 1 },
      { ...other, cluster: 'ap' },
    ])
      expect(roll(with2(record)).restarts).toHaveLength(3);
  });
});

test('a connect that set the server up is not taken back while others have a key', () => {
  const { facts } = connected();
  const { record } = keyOf(handed(1), 'k2', 'remora-for-team-x');
  expect(refusalOf({ ...facts, apiKeys: [record] }).message).toMatch(/: team, for whom the API key remora-for-team-x/);
});

test('that keys of others were invalidated is not taken back, and that is said', () => {
  const step = { id: 'revoke-key-k1', kind: 'api-key.revoke', input: { cluster: 'us', id: 'k1' } } as AnyStep;
  const plan = { ...planCreation(world()), workflow: 'revoke-handed-key', steps: [step] };
  const run = { ...ended(plan), steps: new Map([[step.id, done()]]) };
  expect(() => refuseRun(run)).toThrow(/invalidated API keys, which cannot be made valid again/);
});
