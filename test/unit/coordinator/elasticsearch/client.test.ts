import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { explain, openClient } from '../../../../coordinator/src/elasticsearch/client.ts';

interface Place {
  readonly url: string;
  /** `METHOD PATH` of every request that came. */
  readonly seen: string[];
}

/** A place where a node could listen. */
const listening = async (answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<Place> => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().once('end', () => answer(response, request));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
};

const node = () =>
  listening((response) => {
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-elastic-product', 'Elasticsearch');
    response.end('{}');
  });
const breaking = () => listening((response) => response.destroy());
const silent = () => listening(() => undefined);
const withoutMaster = () =>
  listening((response) => {
    response.statusCode = 503;
    response.end();
  });
/** Where nothing listens. */
const nobody = async (): Promise<Place> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { url: `http://127.0.0.1:${port}`, seen: [] };
};

const open = async (places: readonly Place[], timeoutMs?: number) => {
  const access = { name: 'us', urls: places.map(({ url }) => url), caPem: null, user: 'u', password: 'p' };
  const client = await openClient(access, timeoutMs);
  onTestFinished(() => client.close());
  return client;
};
const changing = { method: 'PUT', path: '/_cluster/settings', body: {} } as const;

test.each([
  ['nothing listens', nobody],
  ['connections break', breaking],
  ['nobody answers', silent],
  ['there is no master', withoutMaster],
])('what only reads is answered while one URL lives, though at the others %s', async (_, dead) => {
  const living = await node();
  const client = await open([await dead(), living, await dead()], 1000);
  for (let call = 0; call < 5; call += 1) expect(await client.info()).toEqual({});
  const many = await Promise.allSettled(Array.from({ length: 20 }, () => client.info()));
  expect(many.filter(({ status }) => status === 'rejected')).toEqual([]);
  expect(living.seen).toHaveLength(25);
});

test('a URL that failed is not asked again while another one answers', async () => {
  const [first, second] = [await breaking(), await node()];
  const client = await open([first, second]);
  for (let call = 0; call < 5; call += 1) await client.info();
  expect([first.seen.length, second.seen.length]).toEqual([1, 5]);
});

test('with no URL that answers, each is asked once', async () => {
  const places = [await breaking(), await breaking()];
  await expect((await open(places)).info()).rejects.toThrow();
  expect(places.map(({ seen }) => seen.length)).toEqual([1, 1]);
});

test('what may change something goes to the next URL where no connection came about, and never a second time', async () => {
  const [first, second] = [await breaking(), await node()];
  const client = await open([await nobody(), first, second]);
  await expect(client.transport.request(changing)).rejects.toMatchObject({ name: 'ConnectionError' });
  expect([first.seen, second.seen]).toEqual([['PUT /_cluster/settings'], []]);
  expect(await client.transport.request(changing)).toEqual({});
  expect(first.seen).toHaveLength(1);
});

test('a refusal of the cluster itself is no reason to ask another node', async () => {
  const refusing = await listening((response) => {
    response.statusCode = 403;
    response.end();
  });
  const other = await node();
  await expect((await open([refusing, other])).info()).rejects.toMatchObject({ statusCode: 403 });
  expect(other.seen).toEqual([]);
});

test('settings that a cluster refuses are all named: it answers the first, and the others beside it', async () => {
  const reasons = ['proxy_address', 'server_name'].map(
    (name) => `Setting "cluster.remote.us.${name}" cannot be used with the configured "cluster.remote.us.mode"`,
  );
  const refusing = await listening((response) => {
    const [reason, other] = reasons;
    response.statusCode = 400;
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-elastic-product', 'Elasticsearch');
    response.end(JSON.stringify({ status: 400, error: { type: 'x', reason, suppressed: [{ reason: other }] } }));
  });
  const client = await open([refusing]);
  const failed = await client.transport.request(changing).catch((error: unknown) => explain(error, 'eu', 'Writing'));
  expect(failed).toMatchObject({
    code: 'elasticsearch-error',
    message: `Writing on cluster eu: 400: ${reasons.join('; ')}.`,
  });
});
