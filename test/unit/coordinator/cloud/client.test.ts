import type { RemoraError } from '@remora/shared/errors.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CloudClient, openCloud } from '../../../../coordinator/src/cloud/client.ts';
import { CloudRefusal } from '../../../../coordinator/src/cloud/request.ts';
import { withDirect } from '../../../../coordinator/src/cloud/trust.ts';
import { CloudApi } from '../../../support/cloud-api.ts';

let api: CloudApi;
let waits: number[];
let cloud: CloudClient;

const open = (apiKey = api.apiKey): CloudClient =>
  openCloud(
    { name: 'acme', url: api.url, apiKey, caPem: null },
    {
      sleep: async (ms) => {
        waits.push(ms);
      },
    },
  );

beforeEach(async () => {
  api = await CloudApi.start();
  waits = [];
  cloud = open();
});
afterEach(() => api[Symbol.asyncDispose]());

const failureOf = async (call: Promise<unknown>): Promise<RemoraError> =>
  call.then(
    () => expect.fail('it succeeded'),
    (error: RemoraError) => error,
  );

test('tells deployments, and of one where its Elasticsearch is and whom it trusts', async () => {
  const direct = [
    { uid: 'u', name: 'office', trust_all: false, additional_node_names: ['n'], certificates: [{ pem: 'P' }] },
  ];
  api.add({ id: 'd1', name: 'logs', trust: { accounts: [{ account_id: 'a', trust_all: true }], direct } });
  api.add({ id: 'd2', name: 'search', host: undefined });
  expect((await cloud.deployments()).map(({ id, name }) => [id, name])).toEqual([
    ['d1', 'logs'],
    ['d2', 'search'],
  ]);
  expect(await cloud.deployment('d1')).toEqual({
    ...{ id: 'd1', name: 'logs', refId: 'main-elasticsearch', region: 'eu-west-1', clusterId: 'es-d1', healthy: true },
    ...{ version: '9.1.0', endpoint: 'https://logs.es.example.com', host: 'd1.es.example.com' },
    ...{ isChanging: false, lastChangeFailed: false },
    trust: { accounts: [{ account_id: 'a', trust_all: true }], direct },
  });
  expect((await cloud.deployment('d2')).host).toBe('search.es.example.com');
});

test('tells the CA in use before the next one, and by which names nodes are trusted', async () => {
  api.add({ id: 'd1', name: 'logs', ca: 'PEM' });
  expect(await cloud.authority('d1')).toEqual({
    certificates: ['PEM', 'PEM, the next one'],
    restriction: '*.node.es-d1.cluster.1053523734.account',
  });
});

test('tells names of keystore entries', async () => {
  const found = api.add({ id: 'd1', name: 'logs', keystore: { 'cluster.remote.us.credentials': 'x', other: 'y' } });
  expect(await cloud.keystore(found)).toEqual(['cluster.remote.us.credentials', 'other']);
});

describe('what the API refuses', () => {
  test('is said with its code, and the API key is not', async () => {
    const error = await failureOf(cloud.deployment('d9'));
    expect(error).toBeInstanceOf(CloudRefusal);
    expect(error).toMatchObject({ code: 'cloud-refused', status: 404, codes: ['deployments.deployment_not_found'] });
    expect(error.message).toBe(
      `Looking at deployment d9: Elastic Cloud acme (${api.url}) answered 404: The deployment [d9] was not found (deployments.deployment_not_found)`,
    );
    expect(JSON.stringify([error, error.message])).not.toContain(api.apiKey);
  });

  test.each(['..', 'd1/../d2', ''])('"%s" is no id of a deployment, and is not asked for', async (id) => {
    expect((await failureOf(cloud.deployment(id))).message).toBe(`"${id}" is not the id of a deployment.`);
    expect(api.requests).toEqual([]);
  });

  test('for its key names the command that gives another', async () => {
    const error = await failureOf(open('wrong').deployments());
    expect([error.message, error.hint]).toEqual([
      expect.stringContaining('answered 401'),
      expect.stringContaining('remora clouds add acme --api-key-file'),
    ]);
    expect([api.requests.length, waits]).toEqual([1, []]);
  });

  test.each([
    [
      'a page of something between',
      { times: 9, status: 403, body: '<html>blocked</html>' },
      'answered 403: <html>blocked</html>',
    ],
    [
      'a body that is none of its',
      { times: 9, body: '{"deployments": 3}' },
      'answered otherwise than its API says (/deployments',
    ],
    ['no JSON', { times: 9, body: 'gone' }, 'answered otherwise than its API says'],
  ])('or answers as %s', async (_, fault, sentence) => {
    api.fault = fault;
    expect((await failureOf(cloud.deployments())).message).toContain(sentence);
  });
});

describe('what passes is asked for again', () => {
  beforeEach(() => {
    api.add({ id: 'd1', name: 'logs' });
  });

  test.each([
    ['a busy API', { times: 2, status: 503 }, [500, 1000]],
    ['a limit of requests, as long as it says', { times: 1, status: 429, headers: { 'retry-after': '7' } }, [7000]],
    ['a limit that says too long', { times: 1, status: 429, headers: { 'retry-after': '3600' } }, [30_000]],
    ['a connection that is cut', { times: 3, cut: 'before' as const }, [500, 1000, 2000]],
  ])('%s', async (_, fault, waited) => {
    api.fault = fault;
    expect([(await cloud.deployments()).length, waits]).toEqual([1, waited]);
  });

  test('four times, and then it is said', async () => {
    api.fault = { times: 9, cut: 'before' };
    const error = await failureOf(cloud.deployments());
    expect([error.code, error.message, api.requests.length]).toEqual([
      'cloud-unreachable',
      expect.stringMatching(/^Listing deployments: Elastic Cloud acme \(http:\/\/127\.0\.0\.1:\d+\) did not answer: /),
      4,
    ]);
  });

  test('and a cloud that stays busy has not refused anything', async () => {
    api.fault = { times: 9, status: 503 };
    const error = await failureOf(cloud.deployments());
    expect([error.code, error.message]).toEqual(['cloud-unreachable', expect.stringContaining('answered 503')]);
  });

  test('but not once somebody stops', async () => {
    const stop = new AbortController();
    const stopped = openCloud(
      { name: 'acme', url: api.url, apiKey: api.apiKey, caPem: null },
      { sleep: async () => stop.abort(new Error('stopped')), signal: stop.signal },
    );
    api.fault = { times: 9, status: 503 };
    expect((await failureOf(stopped.deployments())).message).toBe('stopped');
    expect(api.requests.length).toBe(1);
  });
});

describe('an entry of the keystore', () => {
  test('is set, and taken out, and others stay', async () => {
    const found = api.add({ id: 'd1', name: 'logs', keystore: { other: 'y' } });
    await cloud.setEntry(found, 'cluster.remote.us.credentials', 'encoded');
    expect(found.keystore).toEqual({ other: 'y', 'cluster.remote.us.credentials': 'encoded' });
    await cloud.setEntry(found, 'cluster.remote.us.credentials', null);
    expect(found.keystore).toEqual({ other: 'y' });
  });

  test('is set once where the answer was lost', async () => {
    const found = api.add({ id: 'd1', name: 'logs' });
    api.fault = { times: 1, cut: 'after' };
    await cloud.setEntry(found, 'name', 'value');
    expect([found.keystore, waits]).toEqual([{ name: 'value' }, [500]]);
  });
});

describe('whom a deployment trusts', () => {
  const standing = {
    accounts: [{ account_id: 'a', trust_all: true }],
    external: [{ trust_relationship_id: 'e', trust_all: false, trust_allowlist: ['c'] }],
    direct: [
      {
        uid: 'u1',
        name: 'theirs',
        trust_all: true,
        scope_id: 'x',
        certificates: [{ pem: 'P', metadata: { fingerprint: 'f' } }],
      },
    ],
  };
  const office = {
    name: 'office',
    type: 'generic',
    trust_all: false,
    additional_node_names: ['n1'],
    certificates: [{ pem: 'Q' }],
  };
  const add = (id: string) => cloud.changeTrust(id, (trust) => withDirect(trust, 'office', office));
  const put = () => api.requests.filter((one) => one.startsWith('PUT')).length;

  test('gets a further relationship, another one in its place, and loses it; what is there stays', async () => {
    const found = api.add({ id: 'd1', name: 'logs', trust: standing });
    await add('d1');
    const [, made] = found.trust.direct as { uid: string }[];
    expect(found.trust).toEqual({ ...standing, direct: [...standing.direct, { ...office, uid: made?.uid }] });
    found.pendingReads = 0;
    await cloud.changeTrust('d1', (trust) => withDirect(trust, 'office', { ...office, additional_node_names: ['n2'] }));
    expect(found.trust.direct).toEqual([
      ...standing.direct,
      { ...office, additional_node_names: ['n2'], uid: made?.uid },
    ]);
    found.pendingReads = 0;
    await cloud.changeTrust('d1', (trust) => withDirect(trust, 'office', null));
    expect(found.trust).toEqual(standing);
  });

  test('is not written where nothing changes', async () => {
    api.add({ id: 'd1', name: 'logs', trust: standing });
    await cloud.changeTrust('d1', (trust) => trust);
    expect(put()).toBe(0);
  });

  test('that somebody else changes meanwhile is read again, and theirs stays', async () => {
    const found = api.add({ id: 'd1', name: 'logs' });
    let times = 0;
    await cloud.changeTrust('d1', (trust) => {
      times += 1;
      if (times === 1) {
        found.version += 1;
        found.trust = { accounts: standing.accounts };
      }
      return withDirect(trust, 'office', office);
    });
    expect([times, found.trust]).toMatchObject([2, { accounts: standing.accounts, direct: [{ name: 'office' }] }]);
  });

  test('is read again whatever the status by which its version is refused', async () => {
    const found = api.add({ id: 'd1', name: 'logs', conflictStatus: 400 });
    await cloud.changeTrust('d1', (trust) => {
      if (put() === 0) found.version += 1;
      return withDirect(trust, 'office', office);
    });
    expect([put(), found.trust.direct]).toMatchObject([2, [{ name: 'office' }]]);
  });

  test('is left alone while another change is carried out, which the plan from before would take back', async () => {
    const found = api.add({ id: 'd1', name: 'logs', pendingReads: 1 });
    expect([await add('d1'), put(), found.trust]).toEqual([false, 0, {}]);
    expect([await add('d1'), put()]).toEqual([true, 1]);
  });

  test('does not have done again what the last change did once', async () => {
    const lasting = { cluster_topology: [], elasticsearch: { version: '9.1.0' } };
    const transient = { restore_snapshot: { snapshot_name: '__latest_success__' } };
    const found = api.add({ id: 'd1', name: 'logs', plan: { ...lasting, transient } });
    await add('d1');
    expect(found.trust.direct).toMatchObject([{ name: 'office' }]);
  });

  test('is not written over where it is not told', async () => {
    api.add({ id: 'd1', name: 'logs', trust: standing });
    const info = {
      ...{ cluster_id: 'c', cluster_name: 'logs', healthy: true, metadata: {} },
      plan_info: { healthy: true, current: { plan: { elasticsearch: {} } } },
    };
    const elasticsearch = [{ ref_id: 'main-elasticsearch', region: 'eu-west-1', info }];
    api.fault = { times: 1, body: JSON.stringify({ id: 'd1', name: 'logs', resources: { elasticsearch } }) };
    expect((await failureOf(add('d1'))).message).toBe('Elastic Cloud does not tell whom deployment d1 trusts.');
    expect(put()).toBe(0);
  });

  test('is changed once where the answer was lost', async () => {
    const found = api.add({ id: 'd1', name: 'logs' });
    await cloud.changeTrust('d1', (trust) => {
      const isThere = trust.direct?.some(({ name }) => name === 'office');
      if (!isThere) api.fault = { times: 1, cut: 'after' };
      return isThere ? trust : withDirect(trust, 'office', office);
    });
    expect([(found.trust.direct as unknown[]).length, found.version]).toEqual([1, 2]);
  });

  test('in a way that the API does not take is refused with what it says', async () => {
    api.add({ id: 'd1', name: 'logs' });
    const wrong = { ...office, type: 'proxy' };
    const error = await failureOf(cloud.changeTrust('d1', (trust) => withDirect(trust, 'office', wrong)));
    expect(error.message).toMatch(/^Changing whom deployment d1 trusts: .* answered 400: A trust of the type proxy/);
  });
});
