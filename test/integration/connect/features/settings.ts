import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, onTestFinished, test } from 'vitest';
import { SearchLoop } from '../search-loop.ts';
import { searchAcross } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';

const ALIAS = 'tuned';
const tuned = ['connect', 'eu', 'us', '--alias', ALIAS, '--search', 'logs-*'];
const set = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);

/** A proxy on IPv6 before a port of this machine; answers where it listens. */
const proxyBefore = async (port: number): Promise<string> => {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1' });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy()).on('close', () => open.delete(one));
    }
  });
  server.listen(0, '::1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `[::1]:${typeof address === 'object' ? address?.port : ''}`;
};

const planOf = async ({ fleet }: Bed, wish: readonly string[]): Promise<Plan> => {
  const answer = await fleet.cli([...wish, '--check', '--json']);
  expect(answer.code, answer.stderr).toBe(2);
  return JSON.parse(answer.stdout) as Plan;
};

const infoOf = async ({ fleet }: Bed): Promise<ConnectionView['info']> => {
  const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', ALIAS]);
  expect(view?.connected).toBe(true);
  return view?.info;
};

/** Carries the command out, whose plan closes the connections of the alias or leaves them open, while searches go on; answers how many of these failed. */
const changed = async (bed: Bed, wish: readonly string[], closes: string | null): Promise<number> => {
  const { fleet, eu } = bed;
  const plan = await planOf(bed, wish);
  expect(plan.restarts).toEqual([]);
  const said = plan.warnings.filter((warning) => warning.startsWith('The change of'));
  expect(said).toEqual(closes === null ? [] : [expect.stringContaining(`The change of ${closes}`)]);
  const loop = new SearchLoop([{ cluster: eu, index: `${ALIAS}:logs-1`, documents: DOCUMENTS }]);
  await loop.atLeast(5);
  expect(await fleet.json<Run>([...wish, '--yes'])).toMatchObject({ status: 'succeeded' });
  const [report] = await loop.stop();
  // However many failed while it was closed: now every node searches across it.
  for (const node of [0, 1])
    expect(await searchAcross(eu, ALIAS, node)).toMatchObject({ hits: { total: { value: DOCUMENTS } } });
  return report?.failures.length ?? -1;
};

/** Remora's user of the remote cluster becomes this one. */
const useUser = async ({ fleet, us }: Bed, user: string, password: string): Promise<void> => {
  const urls = us.nodes.flatMap((node) => ['--url', node.url]);
  const ca = us.nodes[0]?.url.startsWith('https:') ? ['--ca', us.caPath] : [];
  const args = ['clusters', 'add', 'us', ...urls, ...ca, '--user', user, '--password-file', '-'];
  await fleet.json(args, { stdin: password });
};

/** Every setting of a connection, changed while it is searched over; and a key that another user made. */
export const settingsSuite = (bed: () => Bed): void => {
  const all = {
    ...{ node_connections: '2147483647', 'transport.compress': 'indexing_data' },
    ...{ 'transport.compression_scheme': 'lz4', 'transport.ping_schedule': '60s' },
  };

  test('a connection takes every setting of sniff mode, and shows what the cluster says of them', async () => {
    const it = bed();
    expect(await it.fleet.json<Run>([...tuned, ...set(all), '--skip-unavailable', 'false', '--yes'])).toMatchObject({
      ...{ status: 'succeeded', restarts: [] },
    });
    expect(await infoOf(it)).toEqual({
      ...{ skipUnavailable: false, initialConnectTimeout: '30s', nodesConnected: 1, maxNodeConnections: 2147483647 },
      seeds: [`127.0.0.1:${it.us.nodes[0]?.remoteClusterPort}`],
    });
    const shown = await it.fleet.cli(['connections', 'show', 'eu', ALIAS]);
    expect(shown.stdout).toContain('1 of at most 2147483647 nodes connected; skip_unavailable false');
  });

  test('it goes to a proxy on IPv6 with a server name and back; what closes it is said, and skip_unavailable alone loses no search', async () => {
    const it = bed();
    const proxy = await proxyBefore(it.us.nodes[0]?.remoteClusterPort ?? 0);
    const sniff = [...tuned, ...set({ ...all, 'transport.compress': 'true' })];
    await changed(it, [...sniff, '--skip-unavailable', 'false'], 'transport.compress');
    expect(await changed(it, [...sniff, '--skip-unavailable', 'true'], null)).toBe(0);
    const through = ['--mode', 'proxy', '--proxy-address', proxy, '--server-name', 'localhost'];
    await changed(
      it,
      [...tuned, ...through, ...set({ proxy_socket_connections: '4' }), '--skip-unavailable', 'true'],
      'mode, proxy_address, server_name, proxy_socket_connections, node_connections, seeds',
    );
    expect(await infoOf(it)).toEqual({
      ...{ skipUnavailable: true, initialConnectTimeout: '30s', proxyAddress: proxy, serverName: 'localhost' },
      ...{ proxySocketsConnected: 4, maxProxySocketConnections: 4 },
    });
    await changed(it, [...sniff, '--skip-unavailable', 'true'], 'mode, seeds');
    expect((await infoOf(it))?.nodesConnected).toBe(1);
  });

  test('a key that another user of the remote cluster made is replaced where it shall grant something else', async () => {
    const it = bed();
    const { fleet, us, eu } = it;
    const before = await fleet.json<ConnectionView>(['connections', 'show', 'eu', ALIAS]);
    await us.call('PUT', '/_security/user/ann', { password: 'ann-ann-ann', roles: ['superuser'] });
    await useUser(it, 'ann', 'ann-ann-ann');
    const wish = [...tuned, '--search', 'metrics-*', '--skip-unavailable', 'true'];
    const plan = await planOf(it, [...tuned, '--search', 'metrics-*']);
    expect(plan.steps.find(({ kind }) => kind === 'api-key.create')?.reason).toContain(
      `belongs to user ${us.user}, who alone may change it`,
    );
    expect(await fleet.json<Run>([...wish, '--yes'])).toMatchObject({ status: 'succeeded', restarts: [] });
    const keys = await fleet.json<KeyView[]>(['api-keys', 'list', '--cluster', 'us']);
    const own = keys.filter(({ name }) => name.startsWith(`remora-eu-${ALIAS}-`));
    expect(own.map(({ owner, invalidated }) => [owner, invalidated])).toEqual([
      ['ann', false],
      [us.user, true],
    ]);
    expect(own.find(({ invalidated }) => invalidated)?.id).toBe(before.key?.id);
    for (const node of [0, 1]) expect((await searchAcross(eu, ALIAS, node))._clusters).toMatchObject({ skipped: 0 });
    await useUser(it, us.user, us.password);
    await fleet.json<Run>(['disconnect', 'eu', ALIAS, '--yes']);
    await us.call('DELETE', '/_security/user/ann');
    expect(await fleet.json<ConnectionView[]>(['connections', 'list'])).toHaveLength(1);
  });
};
