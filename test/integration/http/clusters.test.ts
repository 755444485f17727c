import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../../coordinator/src/store/keys.ts';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { sharedPair } from '../../elasticsearch/shared-pair.ts';
import { adminToken, type HttpFleet, startHttpFleet } from '../../support/http-app.ts';

/** A user that both clusters have while these tests run. */
const user = 'remora-of-a-test';
const password = 'first-password';
let http: HttpFleet;
let us: EsCluster;
let eu: EsCluster;
let caPem: string;
/** Where nothing listens. */
let dead: string;

const give = (cluster: EsCluster, value: string): Promise<unknown> =>
  cluster.call('PUT', `/_security/user/${user}`, { password: value, roles: ['superuser'] });

beforeAll(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  dead = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.close();
  [http, { us, eu }] = await Promise.all([startHttpFleet(), sharedPair()]);
  caPem = await readFile(us.caPath, 'utf8');
  await Promise.all([give(us, password), give(eu, password)]);
});
afterAll(async () => {
  await Promise.all([us, eu].map((cluster) => cluster.call('DELETE', `/_security/user/${user}`)));
  await http.stop();
});

const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) => {
  const request = { method, url: `/api/v1${url}`, headers: { authorization: `Bearer ${adminToken}` } };
  const response = await http.app.inject(payload === undefined ? request : { ...request, payload });
  return { status: response.statusCode, body: response.body === '' ? null : response.json() };
};
const urlOf = (cluster: EsCluster): string => cluster.nodes[0]?.url ?? '';
const add = (more: object = {}, name = 'west') =>
  call('POST', '/clusters', { name, urls: [urlOf(us)], caPem, user, password, ...more });
const plan = () =>
  call('POST', '/connections/plan', { local: 'west', remote: 'east', alias: 'east', mode: 'sniff', search: ['a'] });
const putNode = (node: string): Promise<void> =>
  http.fleet.inventory.nodes.put(`west/${node}`, {
    ...{ cluster: 'west', node, agentVersion: '0.1.0', certificateFingerprint: 'f', running: true },
    ...{ joinedAt: '', lastSeen: null, configDir: '/etc/elasticsearch', nodeId: null, version: null },
  });
const recorded = () => http.fleet.inventory.clusters.get('west');

describe('a cluster of several URLs', () => {
  it('is refused where two lead to different clusters', async () => {
    const answer = await add({ urls: [urlOf(us), urlOf(eu)] });
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringMatching(/are two clusters/) } });
  });

  it('is refused where none answers, with what came back from each', async () => {
    const { status, body } = await add({ urls: [dead, dead.replace('127.0.0.1', '127.0.0.2')] });
    expect({ status, code: body.code }).toEqual({ status: 502, code: 'cluster-unreachable' });
    expect(body.findings).toHaveLength(2);
  });

  it('is refused where one is not trusted', async () => {
    const answer = await add({ urls: [urlOf(us)], caPem: http.fleet.fleetCa.certificatePem });
    expect(answer).toMatchObject({ status: 502, body: { code: 'cluster-untrusted' } });
    expect(await recorded()).toBeNull();
  });

  it('is added where one answers, and those that do not are named', async () => {
    const answer = await add({ urls: [dead, urlOf(us), urlOf(us)] });
    const urls = [dead, urlOf(us)];
    expect(answer).toMatchObject({ status: 201, body: { name: 'west', urls, updated: false, unreachable: [dead] } });
    expect(answer.body).toMatchObject({ version: expect.any(String), error: null });
  });
});

describe('a cluster that is known', () => {
  it('takes other URLs and a rotated password, and is used with them', async () => {
    const before = await recorded();
    await give(us, 'second-password');
    await expect
      .poll(async () => String((await call('GET', '/clusters/west')).body.error))
      .toContain(`refused user "${user}"`);
    const answer = await add({ password: 'second-password' });
    expect(answer).toMatchObject({ status: 200, body: { urls: [urlOf(us)], updated: true, error: null } });
    expect((await call('GET', '/clusters/west')).body).toMatchObject({ health: expect.any(String), error: null });
    const after = await recorded();
    expect(after).toMatchObject({ clusterUuid: before?.clusterUuid, addedAt: before?.addedAt, urls: [urlOf(us)] });
    expect([before?.password, after?.password]).toEqual([
      'secret:cluster/west/password@1',
      'secret:cluster/west/password@2',
    ]);
  });

  it('stays as it was when the new password is wrong', async () => {
    const before = await recorded();
    const answer = await add({ password: 'wrong' });
    expect(answer).toMatchObject({
      status: 502,
      body: { code: 'cluster-credentials', hint: expect.stringContaining('remora clusters add west') },
    });
    expect(await recorded()).toEqual(before);
  });

  it('is not taken over by another one', async () => {
    const before = await recorded();
    expect(await add({ urls: [urlOf(eu)] })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await add({ password: 'second-password' }, 'east')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('known as "west"') },
    });
    expect(await recorded()).toEqual(before);
  });

  it('names the certificate when the CA does not sign it any more, and takes the new CA', async () => {
    const record = await recorded();
    if (!record) throw new Error('the cluster is not on record');
    await http.fleet.inventory.clusters.put('west', { ...record, caPem: http.fleet.fleetCa.certificatePem });
    const { body } = await call('GET', '/clusters/west');
    expect(body.error).toContain(`CN=${us.nodes[0]?.name}, issued by CN=${us.name} test authority`);
    expect((await add({ urls: [urlOf(eu)], caPem: null }, 'east')).status).toBe(201);
    const planned = await plan();
    expect(planned).toMatchObject({
      status: 502,
      body: { code: 'cluster-untrusted', hint: expect.stringContaining('west') },
    });
    expect((await add({ password: 'second-password' })).body).toMatchObject({ updated: true, error: null });
  });

  it('says what its nodes are whenever it is observed', async () => {
    const name = us.nodes[0]?.name ?? '';
    await putNode(name);
    await plan();
    expect((await call('GET', `/nodes/${name}`)).body.elasticsearch).toMatchObject({
      nodeId: expect.any(String),
      version: expect.stringMatching(/^\d+\.\d+/),
    });
    await http.fleet.inventory.nodes.remove(`west/${name}`);
  });

  it('has its password from `clusters add` alone: the secret is refused, since it would have no effect', async () => {
    const answer = await call('PUT', '/secrets/cluster%2Fwest%2Fpassword', { value: 'third' });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        code: 'conflict',
        detail: expect.stringContaining('the cluster west'),
        hint: expect.stringContaining('clusters add'),
      },
    });
  });
});

describe('while a run holds a cluster', () => {
  it('neither it nor its nodes are removed, and the run is named', async () => {
    await putNode('west-1');
    await http.fleet.redis.hset(keys.locks, 'west', 'run-of-a-test');
    const refusal = { status: 409, body: { code: 'conflict', detail: expect.stringContaining('run-of-a-test') } };
    expect(await call('DELETE', '/nodes/west-1')).toMatchObject(refusal);
    expect(await call('DELETE', '/clusters/west')).toMatchObject(refusal);
    await http.fleet.redis.hdel(keys.locks, 'west');
    expect((await call('DELETE', '/nodes/west-1')).status).toBe(204);
    expect((await call('DELETE', '/clusters/west')).status).toBe(204);
    expect(await recorded()).toBeNull();
  });
});

describe('a cluster with a key that was made for others', () => {
  const secret = 'secret:handed-out/west/team/api-key@1';
  const apiKeys = () => http.fleet.inventory.apiKeys;

  it('is not removed, and what to do is said; with --leave-keys it is', async () => {
    await give(us, password);
    await add();
    await apiKeys().put(secret, {
      ...{ secret, cluster: 'west', id: 'k', name: 'remora-for-team', expiresAtMs: null, configHash: 'c' },
    });
    expect(await call('DELETE', '/clusters/west')).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: expect.stringContaining('made for others and let them in: for team.') },
    });
    expect((await call('DELETE', '/clusters/west?leaveKeys=true')).status).toBe(204);
    expect(await recorded()).toBeNull();
  });

  it('is removed once they let nobody in', async () => {
    await add();
    const record = await apiKeys().get(secret);
    if (record) await apiKeys().put(secret, { ...record, revoked: true });
    expect((await call('DELETE', '/clusters/west')).status).toBe(204);
    await apiKeys().remove(secret);
  });
});
