import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloudView, DeploymentView } from '@remora/shared/model/cloud.ts';
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

test('one that does not answer is listed with why, and forgotten all the same', async () => {
  api.fault = { times: 9, status: 403 };
  const [cloud] = await fleet.json<CloudView[]>(['clouds', 'list']);
  expect([cloud?.deployments, cloud?.error]).toEqual([null, expect.stringContaining('answered 403')]);
  await fleet.json(['clouds', 'remove', 'acme', '--yes']);
  expect(await fleet.json(['clouds', 'list'])).toEqual([]);
  expect((await fleet.cli(['clouds', 'show', 'acme'])).stderr).toContain('There is no cloud "acme"');
});
