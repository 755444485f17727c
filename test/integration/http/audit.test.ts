import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { freePorts } from '../../elasticsearch/ports.ts';
import { type CoordinatorProcess, spawnCoordinator } from '../../support/coordinator-process.ts';
import { adminToken, type HttpFleet, startHttpFleet } from '../../support/http-app.ts';
import { runCli } from '../../support/run-cli.ts';
import { joinAgent } from '../../support/wire-agent.ts';

const authorization = `Bearer ${adminToken}`;
const VALUE = 'a-value-that-nobody-may-see';

describe('the API', () => {
  let http: HttpFleet;
  beforeAll(async () => {
    http = await startHttpFleet();
  });
  afterAll(() => http.stop());
  const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) =>
    http.app.inject({
      ...{ method, url: `/api/v1${url}`, headers: { authorization } },
      ...(payload === undefined ? {} : { payload }),
    });

  it('tells of tokens, joins, nodes, secrets and clusters, by whom and in order', async () => {
    const made = await call('POST', '/tokens', { cluster: 'us', uses: 2 });
    const { name } = await joinAgent(http.fleet, http.coordinator, { name: 'us-audited' });
    expect((await call('DELETE', `/nodes/${name}?cluster=us`)).statusCode).toBe(204);
    expect((await call('PUT', '/secrets/team%2Fa', { value: VALUE })).statusCode).toBe(204);
    expect((await call('DELETE', '/secrets/team%2Fa')).statusCode).toBe(204);
    expect((await call('DELETE', '/secrets/team%2Fa')).statusCode).toBe(404);
    expect((await call('DELETE', '/clusters/eu')).statusCode).toBe(204);
    const { body } = await call('GET', '/audit/export');
    const entries = body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ seq, actor, action, target }) => [seq, actor, action, target])).toEqual([
      [1, 'admin', 'token.create', 'us'],
      [2, 'remora', 'token.create', 'us'],
      [3, expect.stringMatching(/^token /), 'node.join', 'us/us-audited'],
      [4, 'admin', 'node.remove', 'us/us-audited'],
      [5, 'admin', 'secret.set', 'team/a'],
      [6, 'admin', 'secret.remove', 'team/a'],
      [7, 'admin', 'cluster.remove', 'eu'],
    ]);
    expect(entries[1].detail).toContain(entries[2].actor);
    expect(body).not.toContain(VALUE);
    const { token } = made.json();
    for (const part of token.split(/[.:]/)) if (part.length > 20) expect(body).not.toContain(part);
  });

  it('gives pages, newest first, and refuses a limit that is none', async () => {
    const page = (await call('GET', '/audit?limit=3')).json();
    expect(page.map(({ seq }: { seq: number }) => seq)).toEqual([7, 6, 5]);
    const next = (await call('GET', '/audit?limit=3&before=5')).json();
    expect(next.map(({ seq }: { seq: number }) => seq)).toEqual([4, 3, 2]);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'before=-1', 'from=1'])
      expect((await call('GET', `/audit?${query}`)).statusCode, query).toBe(400);
    expect((await http.app.inject('/api/v1/audit')).statusCode).toBe(401);
  });

  it('verifies, and says which entry does not fit', async () => {
    expect((await call('GET', '/audit/verify')).json()).toMatchObject({ ok: true, entries: 7, first: 1, last: 7 });
    await http.fleet.redis.xdel(keys.audit, '4-0');
    const { ok, problem } = (await call('GET', '/audit/verify')).json();
    expect({ ok, problem }).toEqual({
      ...{ ok: false, problem: { seq: 5, message: 'entry 4 is missing: 5 comes right after 3' } },
    });
  });
});

describe('the command', () => {
  let directory: string;
  let coordinator: CoordinatorProcess;
  let redis: Redis;
  let env: Record<string, string>;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'remora-audit-'));
    const [port = 0] = await freePorts(1);
    coordinator = spawnCoordinator(['--data-dir', join(directory, 'data'), '--listen', `127.0.0.1:${port}`]);
    expect(await coordinator.firstLine).toMatch(/^ready /);
    redis = new Redis({ path: join(directory, 'data', 'redis', 'redis.sock') });
    env = {
      REMORA_URL: `https://127.0.0.1:${port}`,
      REMORA_TOKEN_FILE: join(directory, 'data', 'admin.token'),
      REMORA_CA: join(directory, 'data', 'fleet-ca.crt'),
    };
  });
  afterAll(async () => {
    redis.disconnect();
    await coordinator.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const cli = (...args: readonly string[]) => runCli(args, { env, stdin: VALUE });

  it('lists, exports and verifies, and exits with 1 when an entry does not fit', async () => {
    expect(await cli('audit', 'list', '--json')).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
    for (const name of ['a', 'b', 'c']) expect((await cli('secrets', 'set', name, '--file', '-')).code).toBe(0);
    const listed = JSON.parse((await cli('audit', 'list', '--limit', '2', '--json')).stdout);
    expect(listed).toMatchObject([
      { seq: 3, actor: 'admin', action: 'secret.set', target: 'c', runId: null, hash: expect.any(String) },
      { seq: 2, target: 'b' },
    ]);
    const { stdout: lines } = await cli('audit', 'export');
    const exported = lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(exported.map(({ target }) => target)).toEqual(['a', 'b', 'c']);
    expect(JSON.parse((await cli('audit', 'export', '--json')).stdout)).toEqual(exported);
    expect(lines).not.toContain(VALUE);
    const verified = await cli('audit', 'verify');
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(listed[0].hash) });
    const [[id, fields] = ['', []]] = await redis.xrange(keys.audit, '2-0', '2-0');
    await redis.xdel(keys.audit, id, '3-0');
    await redis.xadd(keys.audit, '3-1', 'entry', String(fields[1]).replace('"target":"b"', '"target":"x"'));
    const broken = await cli('audit', 'verify', '--json');
    expect(broken.code).toBe(1);
    expect(JSON.parse(broken.stdout)).toMatchObject({ ok: false, entries: 1, problem: { seq: 2 } });
    expect((await cli('audit', 'verify')).stdout).toMatch(/does not hold at entry 2: entry 2 is not as it was written/);
  });
});
