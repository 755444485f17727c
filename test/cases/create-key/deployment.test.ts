import type { RemoraError } from '@remora/shared/errors.ts';
import type { KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { expect, test } from 'vitest';
import { deploymentAddress } from '../../../coordinator/src/plan/cloud-deployment/remote-side.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { changed, cloudWorld, type DeploymentWorld, deploymentIn, type World, world } from '../connect/world.ts';
import { handed, planCreation, withKey } from './plans.ts';

/** The remote cluster `us` is a deployment, with these things about it. */
const deployed = (change: Partial<DeploymentWorld> = {}, version = '9.5.3'): World =>
  changed(
    (made) => {
      made.remote.deployment = { ...deploymentIn(cloudWorld()), ...change };
      made.remote.version = version;
    },
    () => world({ remote: 0, local: 0 }),
  )();
const refusal = (made: World, more: Partial<KeyCreateRequest> = {}): RemoraError => {
  try {
    planCreation(made, more);
  } catch (error) {
    return error as RemoraError;
  }
  return expect.fail('it was not refused');
};
const proxy = { mode: 'proxy', proxyAddress: 'logs.vpce.example.com:9443' } as const;

test('a key of a deployment is made by its own API alone', () => {
  const plan = planCreation(deployed());
  expect([lines(plan), plan.clusters, plan.restarts, plan.warnings]).toEqual([
    ['api-key api-key.create us api'],
    ['us'],
    [],
    [],
  ]);
  expect(stepOf(plan, 'api-key.create').input).toMatchObject({ cluster: 'us', secret: handed(1) });
});

test('the same again is nothing, and other access changes the key in place', () => {
  const made = withKey(deployed());
  expect(planCreation(made).steps).toEqual([]);
  expect(lines(planCreation(made, { search: ['metrics-*'] }))).toEqual(['api-key api-key.update us api']);
});

test('what is said of servers is not done, and the plan says so', () => {
  const { warnings } = planCreation(deployed(), { sans: ['us.example.com'], ca: 'office' });
  expect(warnings).toEqual([expect.stringMatching(/stays as it is: nothing is done for --ca, --san\.$/)]);
});

test('others reach it by the name of its endpoint, or as is said', () => {
  const host = 'd1.es.example.com';
  const byName = { proxyAddress: `${host}:9443`, serverName: host };
  expect(deploymentAddress({ mode: 'sniff' }, host)).toEqual(byName);
  expect(deploymentAddress(proxy, host)).toEqual({ proxyAddress: proxy.proxyAddress, serverName: null });
  expect(deploymentAddress({ ...proxy, serverName: 'logs' }, null)).toMatchObject({ serverName: 'logs' });
  expect(deploymentAddress({ mode: 'sniff' }, null)).toBeNull();
});

test('it is refused before 8.14, and without an endpoint unless it is said where it is reached', () => {
  expect(refusal(deployed({}, '8.13.4')).message).toMatch(/^Deployment logs is 8\.13\.4: .* 8\.14 or later\.$/);
  const bare = deployed({ host: null });
  expect(refusal(bare).message).toMatch(/^Deployment logs has no Elasticsearch endpoint yet/);
  expect(lines(planCreation(bare, proxy))).toEqual(['api-key api-key.create us api']);
});

test('it is refused where the user of the deployment may make no keys', () => {
  const made = changed(
    ({ remote }) => {
      remote.missingPrivileges = ['manage_security'];
    },
    () => deployed(),
  )();
  expect(refusal(made)).toMatchObject({
    code: 'preflight-failed',
    message: expect.stringContaining('manage_security'),
  });
});
