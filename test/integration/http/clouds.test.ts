import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloudView, DeploymentView } from '@remora/shared/model/clouds/cloud.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CloudApi } from '../../support/cloud-api.ts';
import { Fleet } from '../../support/fleet.ts';

const stack = new AsyncDisposableStack();
let fleet: Fleet;
let api: CloudApi;

beforeAll(async () => {
  [fleet, api] = await Promise.all([Fleet.start(), CloudApi.start()]);
  for (const one of [fleet, api]) stack.use(one);
  api.add({ id: 'd1', name: 'logs', ca: 'PEM', keystore: { 'cluster.remote.us.credentials': 'x', other: 'y' } });
});
afterAll(() => stack.disposeAsync());

const adding = async (key: string): Promise<string[]> => {
  const file = join(fleet.directory, 'cloud-key');
  await writeFile(file, `${key}\n`);
  return ['clouds', 'add', 'acme', '--api-key-file', file, '--url', api.url];
};

test('a cloud is asked before it is kept, and its key stands nowhere', async () => {
  const refused = await fleet.cli(await adding('wrong'));
  expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('answered 401')]);
  expect(await fleet.json(['clouds', 'list'])).toEqual([]);
  expect(await fleet.json<CloudView>(await adding(api.apiKey))).toMatchObject({
    ...{ name: 'acme', url: api.url, deployments: [{ id: 'd1', name: 'logs' }], error: null },
    apiKey: expect.stringMatching(/^secret:cloud\/acme\/api-key@\d+$/),
  });
  expect(fleet.outputs.join('')).not.toContain(api.apiKey);
  const removal = await fleet.cli(['secrets', 'remove', 'cloud/acme/api-key', '--yes']);
  expect([removal.code, removal.stderr]).toEqual([64, expect.stringContaining('the cloud acme')]);
});

test('a deployment is shown with what a self-managed cluster has to know of it', async () => {
  expect(await fleet.json<DeploymentView>(['clouds', 'show', 'acme', 'd1'])).toMatchObject({
    ...{ cloud: 'acme', id: 'd1', name: 'logs', endpoint: 'https://logs.es.example.com', version: '9.1.0' },
    ...{ keys: ['us'], trusts: [], authorities: ['PEM', 'PEM, the next one'] },
    restriction: '*.node.es-d1.cluster.1053523734.account',
  });
  expect((await fleet.cli(['clouds', 'ca', 'acme', 'd1'])).stdout).toBe('PEM\nPEM, the next one\n');
  const unknown = await fleet.cli(['clouds', 'show', 'acme', 'd9']);
  expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining('deployments.deployment_not_found')]);
});

test.each([
  ['nobody', 'd1', 'There is no cloud "nobody"'],
  ['acme', 'd9', 'deployments.deployment_not_found'],
])(
  'a cluster is no deployment that its cloud does not have, with a URL of its own too: %s/%s',
  async (cloud, id, sentence) => {
    const file = join(fleet.directory, 'password');
    await writeFile(file, 'secret\n');
    const add = ['clusters', 'add', 'logs', '--cloud', cloud, '--deployment', id, '--url', 'https://localhost:1'];
    const { code, stderr } = await fleet.cli([...add, '--user', 'elastic', '--password-file', file]);
    expect([code, stderr]).toEqual([64, expect.stringContaining(sentence)]);
  },
);

test('a key and the trust that it needs are put on a deployment, by reference, and what is there stays', async () => {
  const found = api.deployments[0];
  const encoded = Buffer.from('key-id:key-secret').toString('base64');
  const file = join(fleet.directory, 'encoded');
  await writeFile(file, encoded);
  await fleet.json(['secrets', 'set', 'eu-key', '--file', file]);
  await fleet.json(['ca', 'create', 'eu-ca', '--common-name', 'Proxy of eu']);
  const key = ['clouds', 'key', 'acme', 'd1', 'eu', '--secret', 'eu-key'];
  const trust = ['clouds', 'trust', 'acme', 'd1', 'proxy of eu', '--ca', 'eu-ca'];
  const shown = await fleet.cli([...key, '--check', '--diff']);
  expect([shown.code, shown.stdout, found?.keystore]).toEqual([
    ...[2, expect.stringContaining('+ keystore cluster.remote.eu.credentials = secret:eu-key@1')],
    { 'cluster.remote.us.credentials': 'x', other: 'y' },
  ]);
  for (const command of [key, trust]) {
    expect((await fleet.json<Run>([...command, '--yes'])).status).toBe('succeeded');
    expect((await fleet.cli([...command, '--check'])).code).toBe(0);
  }
  expect(found?.keystore).toEqual({
    ...{ 'cluster.remote.us.credentials': 'x', other: 'y' },
    'cluster.remote.eu.credentials': encoded,
  });
  expect(await fleet.json(['clouds', 'show', 'acme', 'd1'])).toMatchObject({
    keys: ['eu', 'us'],
    trusts: ['proxy of eu'],
  });
  expect(found?.trust).toMatchObject({ direct: [{ type: 'proxy', trust_all: false }] });
  expect(fleet.outputs.join('')).not.toContain(encoded);
});

test('trust waits for what somebody else changes, and is not proven where Elastic Cloud has not carried it out', async () => {
  const found = api.deployments[0] ?? expect.fail();
  const command = ['clouds', 'trust', 'acme', 'd1', 'proxy of eu', '--remove', '--yes'];
  const before = found.trust;
  [found.pendingReads, found.hasFailed] = [3, true];
  const failed = await fleet.cli(command);
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('has not carried the change of')]);
  expect(found.trust).toEqual({ direct: [] });
  [found.hasFailed, found.trust] = [false, before];
  api.onUpdate = () => {
    api.fault = { times: 5, status: 503, headers: { 'retry-after': '0' } };
  };
  // Elastic Cloud carries it out, whether it answers meanwhile or not.
  expect((await fleet.json<Run>(command)).status).toBe('succeeded');
  expect([found.trust, api.fault?.times]).toEqual([{ direct: [] }, 0]);
  api.onUpdate = () => {};
  found.trust = before;
});

test('they are taken out again, and a text that is no key is not sent', async () => {
  const found = api.deployments[0];
  const run = await fleet.json<Run>(['clouds', 'key', 'acme', 'd1', 'eu', '--remove', '--yes']);
  expect([run.status, found?.keystore]).toEqual(['succeeded', { 'cluster.remote.us.credentials': 'x', other: 'y' }]);
  await fleet.json(['clouds', 'trust', 'acme', 'd1', 'proxy of eu', '--remove', '--yes']);
  expect(found?.trust).toEqual({ direct: [] });
  const file = join(fleet.directory, 'no-key');
  await writeFile(file, 'not an encoded key');
  await fleet.json(['secrets', 'set', 'no-key', '--file', file]);
  const wrong = await fleet.cli(['clouds', 'key', 'acme', 'd1', 'eu', '--secret', 'no-key', '--yes']);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('secret:no-key@1 is no encoded API key')]);
  expect(found?.keystore).not.toHaveProperty(['cluster.remote.eu.credentials']);
  const back = await fleet.cli(['runs', 'rollback', run.runId, '--yes']);
  expect([back.code, back.stderr]).toEqual([64, expect.stringContaining('it changed a deployment in Elastic Cloud')]);
});

test('one that does not answer is listed with why, and forgotten all the same', async () => {
  api.fault = { times: 9, status: 403 };
  const [cloud] = await fleet.json<CloudView[]>(['clouds', 'list']);
  expect([cloud?.deployments, cloud?.error]).toEqual([null, expect.stringContaining('answered 403')]);
  await fleet.json(['clouds', 'remove', 'acme', '--yes']);
  expect(await fleet.json(['clouds', 'list'])).toEqual([]);
  expect((await fleet.cli(['clouds', 'show', 'acme'])).stderr).toContain('There is no cloud "acme"');
});
