import { afterAll, beforeAll, expect, test } from 'vitest';
import { deploymentTrustId } from '../../../coordinator/src/plan/trust/deployment-trust.ts';
import { CloudApi } from '../../support/cloud-api.ts';
import { adminToken, type HttpFleet, startHttpFleet } from '../../support/http-app.ts';

const stack = new AsyncDisposableStack();
let http: HttpFleet;
let api: CloudApi;

const trust = {
  ...{ cluster: 'us', cloud: 'acme', deployment: 'd1' },
  ...{ pattern: '*.node.es-d1.cluster.1053523734.account', authorities: [] },
};

beforeAll(async () => {
  [http, api] = await Promise.all([startHttpFleet(), CloudApi.start()]);
  stack.use(api);
  stack.defer(() => http.stop());
  api.add({ id: 'd1', name: 'logs', ca: 'PEM' });
  api.add({ id: 'd2', name: 'metrics', ca: 'PEM' });
});
afterAll(() => stack.disposeAsync());

const call = async (method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: object) => {
  const request = { method, url: `/api/v1${url}`, headers: { authorization: `Bearer ${adminToken}` } };
  const response = await http.app.inject(payload === undefined ? request : { ...request, payload });
  return { status: response.statusCode, body: response.body === '' ? null : response.json() };
};

test('a deployment is shown with the clusters that trust it, and its cloud stays while one does', async () => {
  expect((await call('PUT', '/clouds/acme', { apiKey: api.apiKey, url: api.url })).status).toBe(200);
  await http.fleet.inventory.deploymentTrusts.put(deploymentTrustId(trust), trust);
  const shown = await Promise.all(['d1', 'd2'].map((id) => call('GET', `/clouds/acme/deployments/${id}`)));
  expect(shown.map(({ body }) => body.trustedBy)).toEqual([['us'], []]);
  const refused = await call('DELETE', '/clouds/acme');
  expect([refused.status, refused.body.detail, refused.body.hint]).toEqual([
    409,
    expect.stringContaining('Cluster us trusts deployment d1 of cloud acme'),
    expect.stringContaining('remora trust-restrictions remove us --deployment acme/d1'),
  ]);
});

test('a cluster that is forgotten keeps no cloud, and has its trust on record under the same name again', async () => {
  expect((await call('DELETE', '/clusters/us')).status).toBe(204);
  expect(await http.fleet.inventory.deploymentTrusts.list()).toEqual([trust]);
  expect((await call('DELETE', '/clouds/acme')).status).toBe(204);
});
