import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { adoptSuite } from './features/adopt.ts';
import { Bed, DOCUMENTS } from './features/bed.ts';
import { cloudTrustSuite } from './features/cloud-trust.ts';
import { deploymentSuite } from './features/deployment.ts';
import { givenIdentitySuite } from './features/given-identity.ts';
import { halfManagedSuite } from './features/half-managed.ts';
import { identitySuite } from './features/identity.ts';
import { refusedSuite } from './features/refused.ts';
import { rolesSuite } from './features/roles.ts';
import { settingsSuite } from './features/settings.ts';
import { restarts, searchAcross } from './traces.ts';

/** What can be done to connections without a restart: one pair of clusters for all of it, and a module of `features` for each. */
describe(`on a pair of ${await newestVersionHere()} that is connected`, () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await Bed.start();
  });
  afterAll(() => bed?.[Symbol.asyncDispose]());

  test('every local node has proven the connection, and each node was restarted once for it', async () => {
    const [view] = await bed.fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
    expect(view?.proof.map(({ node, state }) => [node, state])).toEqual([
      ['eu-1', 'ok'],
      ['eu-2', 'ok'],
    ]);
    for (const node of [0, 1])
      expect(await searchAcross(bed.eu, 'us', node)).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
    expect(restarts(bed.us, bed.eu)).toEqual({ 'us-1': 1, 'eu-1': 1, 'eu-2': 1 });
  });

  describe('settings', () => settingsSuite(() => bed));
  describe('roles', () => rolesSuite(() => bed));
  describe('adopt', () => adoptSuite(() => bed));
  describe('half managed', () => halfManagedSuite(() => bed));
  describe('a deployment in Elastic Cloud', () => deploymentSuite(() => bed));
  describe('identity', () => identitySuite(() => bed));
  describe('identity by certificates of others', () => givenIdentitySuite(() => bed));
  describe('refused', () => refusedSuite(() => bed));
  describe('cloud trust', () => cloudTrustSuite(() => bed));
});
