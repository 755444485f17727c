import { expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { connectedBy } from '../connect-certificate/plans.ts';
import { carriedOut, recordsOf, trustWorld } from '../connect-certificate/world.ts';
import { type Backup, change, done, keyOf, RUN, roll } from '../rollback/connected.ts';
import { planTo } from './plans.ts';

const SEEDS = 'cluster.remote.us.seeds';
const CREDENTIALS = 'cluster.remote.us.credentials';
const transport = ['10.0.1.1:9300'];
const server = ['10.0.1.1:9443'];

/** A fleet of one node a side right after its migration. */
const migrated = (): RollbackFacts => {
  const before = connectedBy(trustWorld({}, {}, { local: 1, remote: 1 }));
  const plan = planTo(before);
  const after = carriedOut(before, plan.steps);
  const [certificate] = before.records;
  const kept = (step: AnyStep): unknown => {
    if (step.kind === 'connection.record') return { before: certificate };
    if (step.kind === 'cluster-settings.put')
      return { before: { [SEEDS]: step.id === 'lead-to-both' ? transport : [...transport, ...server] } };
    return ['ca.create', 'certificate.issue'].includes(step.kind) ? { before: null } : null;
  };
  const backup = (...changes: Backup['changes']): Backup => ({ changes, unknown: [] });
  const { local, remote, secretVersions } = factsOf(after.made, request());
  return {
    run: {
      ...{ runId: RUN, status: 'succeeded', rollback: null, restored: null, plan },
      steps: new Map(plan.steps.map((step) => [step.id, done({ kept: kept(step) })])),
    },
    others: [],
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', after.made.local.persistent],
    ]),
    backups: new Map([
      ['us/us-1', backup(change('setting', 'remote_cluster_server.enabled', { now: true }))],
      ['eu/eu-1', backup(change('setting', 'xpack.security.remote_cluster_client.ssl.enabled', { now: true }))],
      ['eu/eu-1/2', backup(change('entry', CREDENTIALS))],
    ]),
    keys: [keyOf('secret:connection/eu/us/api-key@1', 'k1', `remora-eu-us-${RUN}-1-r1`)],
    ...{ earlierKeys: [], connections: recordsOf(after), cas: [], certificates: [], apiKeys: [] },
    ...{ signers: [], secretVersions, principals: new Map() },
  };
};

test('a migration is taken back: no node has the key any more when the alias leads to the transport ports again', () => {
  const plan = roll(migrated());
  expect(lines(plan)).toEqual([
    'files-eu.2 node.change eu-1 reload',
    'reload-eu.2 secure-settings.reload eu-1 reload',
    'settings cluster-settings.put eu api',
    'roll-eu node.change eu-1 restart',
    'roll-us node.change us-1 restart',
    'prove connection.prove eu none',
    'api-keys api-key.invalidate us api',
    'end inventory.put-back coordinator none',
    'end run.rollback coordinator none',
  ]);
  expect(stepOf(plan, 'cluster-settings.put').input.persistent).toEqual({ [SEEDS]: transport });
  expect(stepOf(plan, 'connection.prove').input).toEqual({ local: 'eu', remote: 'us', alias: 'us', keySecret: null });
  expect(stepOf(plan, 'inventory.put-back').input.records).toContainEqual(
    expect.objectContaining({ id: 'eu/us', record: expect.objectContaining({ auth: 'certificate' }) }),
  );
});
