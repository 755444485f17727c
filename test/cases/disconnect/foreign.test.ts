import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { describe, expect, test } from 'vitest';
import type { ForeignConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import { unseenCluster } from '../../../coordinator/src/plan/connection/unseen-cluster.ts';
import { planDisconnect } from '../../../coordinator/src/plan/disconnect/disconnect.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { connected, lines, stepOf } from '../connect/plans.ts';
import { nodeOf, type World, world } from '../connect/world.ts';

const ENTRY = 'cluster.remote.other.credentials';
const connection: ForeignConnectionRecord = {
  ...{ local: 'eu', alias: 'other', auth: 'api_key', mode: 'sniff', cas: [], settings: ['mode', 'seeds'] },
  foreign: { name: 'theirs', clusterUuid: null },
  keySecret: 'secret:connection/eu/other/given-key@1',
  key: { id: 'key-id', name: null, expiresAt: null },
};

/** A world in which `eu` has a connection to a cluster that others run, by public CAs, on both of its nodes. */
const given = (made: World = world({ local: 2, remote: 1 })): World => {
  made.local.persistent['cluster.remote.other.mode'] = 'sniff';
  made.local.persistent['cluster.remote.other.seeds'] = ['far:9443'];
  for (const { keystore } of made.local.nodes)
    keystore.entries[ENTRY] = { reference: connection.keySecret, writtenAtMs: made.nowMs };
  return made;
};

const planOff = (
  made: World,
  more: Partial<ForeignConnectionRecord> = {},
  flags: Pick<DisconnectRequest, 'waitOffline' | 'localGone'> = {},
): StoredPlan => {
  const record = { ...connection, ...more };
  const { local, connections, cas, secretVersions } = factsOf(made, request({ alias: 'other' }));
  return planDisconnect(
    { local: 'eu', alias: 'other', ...flags },
    {
      ...{ connection: record, local, remote: unseenCluster('theirs', ''), cas, secretVersions },
      ...{ connections: [...connections, record], certificates: [], signers: [], keys: [], strays: [] },
      ...{ otherKeys: [], followers: [], roles: [], busy: [] },
    },
    { planId: 'plan-off', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  );
};

const theirs = expect.stringMatching(/^The API key key-id is not invalidated: only those who run theirs can do that/);

describe('a connection to a cluster of others is taken apart', () => {
  test('on the local cluster alone, and the plan says whose the key is', () => {
    const plan = planOff(given());
    expect(plan.clusters).toEqual(['eu']);
    expect(lines(plan)).toEqual([
      'alias cluster-settings.put eu api',
      'credentials node.change eu-2 reload',
      'credentials node.change eu-1 reload',
      'reload secure-settings.reload eu-2 reload',
      'reload secure-settings.reload eu-1 reload',
      'end inventory.put-back coordinator none',
    ]);
    expect(plan.warnings).toEqual([theirs]);
  });

  test('whose local cluster is gone is forgotten, and the plan says whose the key is and what stays', () => {
    const made = given();
    made.local = { ...made.local, nodes: [], persistent: {} };
    const plan = planOff(made, {}, { localGone: true });
    expect(lines(plan)).toEqual(['end inventory.put-back coordinator none']);
    expect(plan.warnings).toEqual([
      expect.stringMatching(
        /^Cluster eu is taken to be gone for good: .* cluster\.remote\.other\.credentials in keystores/,
      ),
      expect.stringMatching(/^What else is on record of eu is forgotten by/),
      theirs,
    ]);
  });

  test('with an agent away: refused, or left for later where that is wanted; of a key that is invalidated nothing is said', () => {
    const made = given();
    nodeOf(made.local, 'eu-2').agent = 'offline';
    expect(() => planOff(made)).toThrow(/--wait-offline/);
    const plan = planOff(made, {}, { waitOffline: true });
    expect(lines(plan).filter((line) => line.includes('eu-2'))).toEqual([
      'away node.change eu-2 reload',
      'away-reload secure-settings.reload eu-2 reload',
    ]);
    expect(stepOf(plan, 'inventory.put-back').input.records).toEqual([
      { collection: 'connections', id: 'eu/other', record: null },
    ]);
    expect(plan.warnings).toEqual([
      theirs,
      'eu-2 is away: the keystore there may have the credential until the agent is back.',
    ]);
  });

  test('beside another connection by the same CA nothing is taken out of the CA file, and no node restarts', () => {
    const plan = planOff(given(connected(world({ local: 2, remote: 1 }))), { cas: ['us-remote'] });
    expect(plan.restarts).toEqual([]);
    const changed = plan.steps.flatMap((step) => (step.kind === 'node.change' ? step.input.operations : []));
    expect(changed.map(({ name }) => name)).toEqual(['keystore', 'keystore']);
  });
});
