import { expect, test } from 'vitest';
import { lines, stepOf } from '../connect/plans.ts';
import { connectedBy } from '../connect-certificate/plans.ts';
import { cutOff, type TrustWorld, trustWorld } from '../connect-certificate/world.ts';
import { roll } from '../rollback/connected.ts';
import { planTo } from './plans.ts';
import { CREDENTIALS, factsToRollBack, migratedUpTo, restarted, takenBack } from './taken-back.ts';

const SEEDS = 'cluster.remote.us.seeds';
const transport = ['10.0.1.1:9300'];
const server = ['10.0.1.1:9443'];

const byCertificate = (local = 2) => connectedBy(trustWorld({}, {}, { local, remote: 1 }));
const migrated = (one = byCertificate()) => migratedUpTo(one, planTo(one));

test('a migration is taken back the way it came: the alias leads both ways while nodes lose the key', () => {
  const plan = roll(factsToRollBack(migrated(byCertificate(1))));
  expect(lines(plan)).toEqual([
    'both-ports cluster-settings.put eu api',
    'files-eu.2 node.change eu-1 reload',
    'reload-eu.2 secure-settings.reload eu-1 reload',
    'prove-both connection.prove eu none',
    'settings cluster-settings.put eu api',
    'prove-alone connection.prove eu none',
    'roll-eu node.change eu-1 restart',
    'roll-us node.change us-1 restart',
    'prove connection.prove eu none',
    'api-keys api-key.invalidate us api',
    'end inventory.put-back coordinator none',
    'end run.rollback coordinator none',
  ]);
  const written = plan.steps.flatMap(({ kind, input }) => (kind === 'cluster-settings.put' ? [input.persistent] : []));
  expect(written).toEqual([{ [SEEDS]: [...transport, ...server] }, { [SEEDS]: transport }]);
  expect(plan.stages.find(({ id }) => id === 'reload-eu.2')).toMatchObject({ mode: 'serial' });
  expect(stepOf(plan, 'connection.prove').input).toMatchObject({
    local: 'eu',
    remote: 'us',
    alias: 'us',
    keySecret: null,
  });
  expect(stepOf(plan, 'inventory.put-back').input.records).toContainEqual(
    expect.objectContaining({ id: 'eu/us', record: expect.objectContaining({ auth: 'certificate' }) }),
  );
});

test('a role that the migration removed is there again before the alias leads back', () => {
  const one = byCertificate(1);
  const role = { indices: [{ names: ['logs-*'], privileges: ['read'] }] };
  const remoteRoles = { cluster: 'us', roles: [{ name: 'reader', role, usedBy: [] }] };
  const ended = migratedUpTo(one, planTo(one, { removeRoles: true }, { remoteRoles }));
  const plan = roll(factsToRollBack(ended));
  expect(lines(plan)[0]).toBe('principals role.put us api');
  expect(stepOf(plan, 'role.put').input).toMatchObject({ name: 'reader', role, expected: null });
});

const neverCutOff = (now: TrustWorld, { id }: { readonly id: string }): void => {
  expect([id, cutOff(now)]).toEqual([id, []]);
  for (const { name } of now.made.local.nodes) expect([id, name, cutOff(restarted(now, name))]).toEqual([id, name, []]);
};

test('wherever the migration ended, and wherever its rollback is cut off, no node is, also one that restarts in between', () => {
  const one = byCertificate();
  const { steps } = planTo(one);
  for (let done = 1; done <= steps.length; done += 1) {
    const ended = migratedUpTo(one, planTo(one), done);
    const back = roll(factsToRollBack(ended)).steps;
    takenBack(ended, back, neverCutOff);
    for (let cut = 1; cut < back.length; cut += 1) {
      const half = takenBack(ended, back.slice(0, cut));
      const { now } = takenBack(half, roll(factsToRollBack(half)).steps, neverCutOff);
      expect(now.made.local.persistent).toEqual(one.made.local.persistent);
      for (const { keystore, running } of now.made.local.nodes)
        expect([Object.keys(keystore.entries).includes(CREDENTIALS), running.credentials]).toEqual([false, {}]);
    }
  }
});
