import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import { adminToken, type HttpFleet, startHttpFleet } from '../../support/http-app.ts';
import { joinAgent, WireAgent } from '../../support/wire-agent.ts';

let http: HttpFleet;
beforeAll(async () => {
  http = await startHttpFleet();
});
afterAll(() => http.stop());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const authorization = `Bearer ${adminToken}`;
const call = async (method: Method, url: string, payload?: object, headers: Record<string, string> = {}) => {
  const request = { method, url, headers: { authorization, ...headers } };
  const response = await http.app.inject(payload === undefined ? request : { ...request, payload });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: response.body === '' ? null : response.json(),
  };
};

it('answers health without a token', async () => {
  expect((await http.app.inject('/healthz')).json()).toEqual({ status: 'alive' });
  expect((await http.app.inject('/readyz')).json()).toEqual({ status: 'ready' });
});

it.each([undefined, 'Bearer wrong', 'Basic YWRtaW46YWRtaW4=', `Bearer ${adminToken}x`])(
  'refuses authorization %s',
  async (header) => {
    const response = await http.app.inject({
      url: '/api/v1/nodes',
      headers: header === undefined ? {} : { authorization: header },
    });
    expect(response.statusCode).toBe(401);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.headers['www-authenticate']).toBe('Bearer');
    expect(response.json()).toMatchObject({ type: 'urn:remora:error:not-allowed', code: 'not-allowed', status: 401 });
  },
);

it('checks the token before it reads a body', async () => {
  const response = await http.app.inject({
    method: 'POST',
    url: '/api/v1/clusters',
    payload: '{',
    headers: { 'content-type': 'application/json' },
  });
  expect(response.statusCode).toBe(401);
});

it('describes every address in one OpenAPI 3.1 document', async () => {
  const document = (await http.app.inject('/api/v1/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/api/v1/connections', '/api/v1/runs/{runId}/events', '/api/v1/doctor']),
  );
  expect(document.paths['/api/v1/nodes'].get.responses).toHaveProperty('4XX');
});

const connect = { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff', search: ['a'] };
const refused: readonly (readonly [string, Method, string, object | undefined, number, RegExp])[] = [
  ['an unknown address', 'GET', '/api/v1/nope', undefined, 404, /no such address/],
  ['an unknown node', 'GET', '/api/v1/nodes/nope', undefined, 404, /no node "nope"/],
  ['an unknown run', 'GET', '/api/v1/runs/nope', undefined, 404, /no run "nope"/],
  ['a rollback of one, without a body', 'POST', '/api/v1/runs/nope/rollback/plan', undefined, 404, /no run "nope"/],
  ['events of an unknown run', 'GET', '/api/v1/runs/nope/events', undefined, 404, /no run "nope"/],
  ['an unknown CA', 'GET', '/api/v1/cas/nope/certificate', undefined, 404, /no CA "nope"/],
  ['an unknown secret', 'DELETE', '/api/v1/secrets/nope', undefined, 404, /no secret "nope"/],
  ['a bad name of a secret', 'PUT', '/api/v1/secrets/..%2Fx', { value: 'x' }, 400, /not a secret reference/],
  ['a token for an unknown cluster', 'POST', '/api/v1/tokens', { cluster: 'nope' }, 404, /no cluster "nope"/],
  ['a token that never lives', 'POST', '/api/v1/tokens', { cluster: 'us', ttl: '0h' }, 400, /not a duration/],
  ['a field that is not known', 'POST', '/api/v1/tokens', { cluster: 'us', forever: true }, 400, /forever/],
  ['a missing field', 'POST', '/api/v1/tokens', {}, 400, /cluster/],
  ['an unknown mode', 'POST', '/api/v1/connections/plan', { ...connect, mode: 'snif' }, 400, /sniff, proxy/],
  ['equal clusters', 'POST', '/api/v1/connections/plan', { ...connect, remote: 'eu' }, 400, /two different clusters/],
  ['an unknown cluster', 'POST', '/api/v1/connections', { ...connect, remote: 'nope' }, 404, /no cluster "nope"/],
  ['a body that is too large', 'PUT', '/api/v1/secrets/big', { value: 'x'.repeat(600_000) }, 400, /too large/],
];

it.each(refused)('refuses %s', async (_, method, url, payload, status, detail) => {
  const answer = await call(method, url, payload);
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ status, detail: expect.stringMatching(detail), hint: expect.any(String) });
});

it('keeps secrets by name and never gives a value back', async () => {
  const value = 'the-value-of-the-canary';
  expect((await call('PUT', '/api/v1/secrets/team%2Fa', { value })).status).toBe(204);
  const listed = await call('GET', '/api/v1/secrets');
  expect(listed.body).toContain('team/a');
  expect(JSON.stringify(listed.body)).not.toContain(value);
  expect((await http.fleet.secrets.get('secret:team/a')).toString()).toBe(value);
  expect((await call('DELETE', '/api/v1/secrets/team%2Fa')).status).toBe(204);
  expect((await call('GET', '/api/v1/secrets')).body).not.toContain('team/a');
});

it('refuses to remove a secret that something uses', async () => {
  const record = await http.fleet.inventory.clusters.get('us');
  await call('PUT', '/api/v1/secrets/us', { value: 'password' });
  const answer = await call('DELETE', '/api/v1/secrets/us');
  expect(record?.password).toBe('secret:us@1');
  expect(answer).toMatchObject({
    status: 409,
    body: { code: 'conflict', detail: expect.stringContaining('the cluster us') },
  });
});

it('shows a node while its agent is there, tells equal names apart, and forgets it', async () => {
  const keys = await generateRsaKeyPair(2048);
  const agent = await WireAgent.connect(
    http.coordinator.url,
    await joinAgent(http.fleet, http.coordinator, { name: 'node-1', keys }),
  );
  expect((await call('GET', '/api/v1/nodes/node-1')).body).toMatchObject({
    name: 'node-1',
    cluster: 'us',
    agent: 'online',
  });

  const twin = await http.fleet.inventory.nodes.get('us/node-1');
  if (!twin) throw new Error('the node is not in the inventory');
  await http.fleet.inventory.nodes.put('eu/node-1', { ...twin, cluster: 'eu' });
  expect(await call('GET', '/api/v1/nodes/node-1')).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('eu, us') },
  });
  expect((await call('GET', '/api/v1/nodes/node-1?cluster=eu')).body).toMatchObject({
    cluster: 'eu',
    agent: 'offline',
  });

  expect((await call('DELETE', '/api/v1/nodes/node-1?cluster=us')).status).toBe(204);
  await agent.closed;
  expect((await call('GET', '/api/v1/nodes')).body).toMatchObject([{ name: 'node-1', cluster: 'eu' }]);
});

it('tells no secret in metrics and logs, and a request line without query', async () => {
  await call('GET', '/api/v1/nodes/x?cluster=us');
  expect(await call('GET', '/api/v1/certificates')).toMatchObject({ status: 200 });
  const metrics = (await http.app.inject('/metrics')).body;
  for (const gauge of ['remora_certificates_age_seconds', 'remora_fleet_ca_not_after_seconds'])
    expect(metrics).toMatch(new RegExp(`^${gauge} \\d`, 'm'));
  expect(metrics).toMatch(/remora_agents\{state="online"\} \d+/);
  expect(metrics).toMatch(/remora_runs\{status="succeeded"\} \d+/);
  const logs = http.logs.join('');
  expect(logs).toContain('"path":"/api/v1/nodes/x"');
  for (const never of [adminToken, 'the-value-of-the-canary', '?cluster=']) expect(logs).not.toContain(never);
});
