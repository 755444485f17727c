import { expect, test } from 'vitest';
import { cloudConnected } from '../connect/deployments.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { cloudWorld, deploymentIn } from '../connect/world.ts';
import { disconnected, planOff, refusalOf } from './plans.ts';

test('a deployment loses the alias, the key and the trust, in this order, and the key is invalidated', () => {
  const plan = planOff(cloudConnected());
  expect(lines(plan).filter((line) => !line.startsWith('remote-'))).toEqual([
    'alias cluster-settings.put eu api',
    'credentials cloud.key logs reload',
    'api-key api-key.invalidate us api',
    'local-files cloud.trust logs api',
    'end inventory.put-back coordinator none',
  ]);
  expect(plan.clusters).toEqual(['eu', 'us', 'acme/d1']);
  expect(plan.warnings).toContainEqual(expect.stringContaining('carries a change of deployment logs out'));
  const after = disconnected(cloudConnected());
  expect(deploymentIn(after)).toEqual(deploymentIn(cloudWorld()));
  expect([after.local.persistent, after.connections, after.keys]).toEqual([{}, [], []]);
});

test('a trust that people made under another name stays', () => {
  const made = cloudConnected();
  const theirs = { name: 'office', type: 'proxy', trust_all: false, certificates: [{ pem: 'x' }] };
  deploymentIn(made).direct.push(theirs);
  expect(deploymentIn(disconnected(made)).direct).toEqual([theirs]);
});

test.each(['us', 'second'])('another connection to the same cluster goes on working without %s', (alias) => {
  const both = cloudConnected(cloudConnected(), { alias: 'second' });
  expect(deploymentIn(both).direct.map(({ name }) => name)).toEqual(['remora-us', 'remora-second']);
  const other = alias === 'us' ? 'second' : 'us';
  const after = disconnected(both, { alias });
  expect([isConnected(after, other), isConnected(after, alias)]).toEqual([true, false]);
  expect(deploymentIn(after).direct.map(({ name }) => name)).toEqual([`remora-${other}`]);
});

test('without a trust of its own nothing is said of one', () => {
  const made = cloudConnected({ ...cloudWorld(), proxyCa: 'public' }, { proxyCa: 'public' });
  expect([planOff(made).steps.some(({ kind }) => kind === 'cloud.trust'), planOff(made).warnings]).toEqual([false, []]);
});

test.each([
  [{}, /is not on record: .*clouds key acme d1 us --remove/],
  [{ us: 'secret:theirs@1' }, /is another than this connection's \(secret:theirs@1\)/],
])('a key of somebody else is not taken out with it: %j', (written, sentence) => {
  const made = cloudConnected();
  deploymentIn(made).written = written;
  expect([refusalOf(made).code, refusalOf(made).message]).toEqual(['conflict', expect.stringMatching(sentence)]);
});

test('of a deployment that is gone nothing is asked, the key is invalidated, and what may be there still is named with its commands', () => {
  const made = cloudConnected();
  const { deployment: _, ...local } = made.local;
  made.local = { ...local, persistent: {} };
  const plan = planOff(made, { localGone: true }, { goneDeployment: { cloud: 'acme', id: 'd1' } });
  expect(lines(plan).filter((line) => !line.startsWith('remote-'))).toEqual([
    'api-key api-keys.revoke us api',
    'end inventory.put-back coordinator none',
  ]);
  expect([plan.clusters, plan.warnings[0]]).toEqual([
    ['eu', 'us'],
    expect.stringMatching(
      /stay on deployment d1 .*clouds key acme d1 us --remove.*clouds trust acme d1 remora-us --remove/,
    ),
  ]);
});

test('the command goes on wherever it was cut off', () => {
  const made = cloudConnected();
  deploymentIn(made).entries = [];
  deploymentIn(made).written = {};
  made.local.persistent = {};
  const plan = planOff(made);
  expect(plan.steps.map(({ kind }) => kind)).not.toContain('cloud.key');
  expect(stepOf(plan, 'api-key.invalidate').input.locals).toEqual(['eu']);
});
