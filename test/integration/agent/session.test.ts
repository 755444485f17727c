import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationResult } from '@remora/shared/operations.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../elasticsearch/ports.ts';
import {
  type AgentProcess,
  createBed,
  inspection,
  type NodeBed,
  op,
  restart,
  setting,
} from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

let bed: NodeBed;
let agent: AgentProcess;
beforeEach(async () => {
  bed = await createBed(['cheap.stop.ms: 500']);
  await bed.startNode();
  await bed.join();
  agent = await bed.startAgent();
});
afterEach(() => bed[Symbol.asyncDispose]());

describe('a session', () => {
  test('begins with hello, beats, and comes back when it is cut; connected is said once', async () => {
    expect(bed.gateway.received[0]).toMatchObject({
      type: 'hello',
      name: 'eu-1',
      cluster: 'eu',
      storeId: 'store-1',
      elasticsearch: { running: true, pid: bed.nodePid(), configDir: bed.configDir },
    });
    await until('a heartbeat', () => bed.gateway.received.some(({ type }) => type === 'heartbeat'));
    bed.gateway.cut();
    await bed.gateway.waitForSession();
    expect(agent.stdout()).toBe('connected eu-1\n');
  });

  test('answers a delivery that comes late only when it was seen before; it may come again', async () => {
    const late = { id: 'run/late/1', onlyIfKnown: true };
    const yml = await bed.yml();
    const refused = await bed.gateway.deliver([setting({ a: 1 })], late);
    expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'delivery-late' } });
    expect(await bed.yml()).toBe(yml);
    expect(await bed.gateway.deliver([setting({ a: 1 })], { id: late.id })).toMatchObject({ outcome: 'done' });
    expect(await bed.gateway.deliver([setting({ a: 1 })], late)).toMatchObject({ outcome: 'done' });
  });

  test('is ended over a frame that the protocol does not know, and made again; nothing was acted on', async () => {
    const yml = await bed.yml();
    for (const frame of [
      'no json',
      '{"type":"shell","command":"id"}',
      JSON.stringify({ type: 'deliver', id: 'x', fence: 1, operations: [{ name: 'shell', input: {} }] }),
    ]) {
      await bed.gateway.waitForSession();
      bed.gateway.sendRaw(frame);
      await until('the agent closes', () => !bed.gateway.connected());
    }
    await bed.gateway.waitForSession();
    expect(await bed.yml()).toBe(yml);
    expect(await bed.gateway.deliver([setting({ a: 1 })])).toMatchObject({ outcome: 'done' });
  });

  test('that is refused is said in the log, and the agent lives on', async () => {
    bed.gateway.refuses = true;
    bed.gateway.cut();
    await until('the log says why', () => agent.stderr().includes('this agent was removed'));
    expect(agent.child.exitCode).toBeNull();
    expect(await agent.stop()).toBe(0);
  });

  test('a result is brought by the next session when the first was cut meanwhile', async () => {
    bed.gateway.send([setting({ a: 1 }), restart()], { id: 'r/s/1' });
    await until('the node is being restarted', () => bed.record()?.phase === 'restarting');
    bed.gateway.cut();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'done' });
  });

  test('SIGTERM lets the change under way finish, takes no other, and ends with 0', async () => {
    bed.gateway.send([setting({ a: 1 }), restart()], { id: 'r/s/1' });
    await until('the node is being restarted', () => bed.record()?.phase === 'restarting');
    const ended = agent.stop();
    await until('the agent drains', () => bed.gateway.received.some(({ type }) => type === 'draining'));
    bed.gateway.send([setting({ b: 1 })], { id: 'r/s/2' });
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'done' });
    expect(await ended).toBe(0);
    expect(await bed.answers()).toBe(true);
    expect(await bed.yml()).not.toContain('b: 1');
  });

  test('the same delivery twice at once takes effect once, and progress is told', async () => {
    const before = bed.nodePid();
    bed.gateway.send([restart()], { id: 'r/s/1' });
    bed.gateway.send([restart()], { id: 'r/s/1' });
    const result = await bed.gateway.result('r/s/1');
    const pid = bed.nodePid();
    expect(pid).not.toBe(before);
    await sleep(300);
    expect(bed.nodePid()).toBe(pid);
    expect(bed.gateway.received.filter((message) => message.type === 'result')).toEqual([result]);
    const phases = bed.gateway.received.flatMap((message) => (message.type === 'progress' ? [message.phase] : []));
    expect(phases).toEqual(['stopping', 'starting']);
  });
});

describe('probe', () => {
  const probe = async (host: string, port: number, tls?: object): Promise<OperationResult<'probe'>> => {
    const call = op('probe', { host, port, timeoutMs: 3000, ...(tls === undefined ? {} : { tls }) });
    const result = await bed.gateway.deliver([call], { fence: 0 });
    expect(result.error).toBeNull();
    return result.results[0] as OperationResult<'probe'>;
  };

  test('tells an open port from a closed one and an unknown host', async () => {
    expect(await probe('127.0.0.1', bed.port)).toMatchObject({ tcp: 'open' });
    expect(await probe('localhost', (await freePorts(1))[0] ?? 0)).toMatchObject({ tcp: 'refused' });
    expect(await probe('no-such-host.invalid', 9443)).toMatchObject({ tcp: 'unknown-host' });
  });

  test('shakes hands with exactly the CA file that is named', async () => {
    const port = Number(new URL(bed.gateway.url).port);
    const ca = await fetchCa();
    await writeFile(join(bed.configDir, 'ca.crt'), ca);
    const trusted = await probe('localhost', port, { certificateAuthorities: ['ca.crt'] });
    expect(trusted.tls).toMatchObject({ trusted: true, error: '' });
    expect(trusted.tls?.chain[0]).toMatchObject({
      subject: 'CN=localhost',
      sans: expect.arrayContaining(['DNS:localhost', 'IP:127.0.0.1']),
      fingerprint256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await probe('localhost', port, { caPem: ca })).tls?.trusted).toBe(true);
    expect((await probe('localhost', port, {})).tls).toMatchObject({
      trusted: false,
      error: expect.stringMatching(/CERT|SELF/),
    });
    expect((await probe('127.0.0.1', port, { caPem: ca, serverName: 'other.example' })).tls?.trusted).toBe(true);
    expect((await probe('127.0.0.2', port, { caPem: ca, serverName: 'other.example' })).tcp).toBe('refused');
  });

  test('says what a port that speaks no TLS does', async () => {
    const server = createServer((socket) => socket.end('hello\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = await probe('127.0.0.1', port, {});
    server.close();
    expect(answer).toMatchObject({
      tcp: 'open',
      tls: { trusted: false, chain: [], error: expect.stringMatching(/./) },
    });
  });

  const fetchCa = async (): Promise<string> =>
    (await import('node:fs/promises')).readFile(join(bed.dataDir, 'fleet-ca.crt'), 'utf8');
});

describe('request', () => {
  const request = (path: string, method: 'GET' | 'POST' = 'GET') =>
    bed.gateway.deliver([op('request', { method, path, user: 'u', password: 'p', timeoutMs: 3000 })], { fence: 0 });

  test('passes on what is on the list, and nothing else', async () => {
    expect(await request('/_remote/info')).toMatchObject({ outcome: 'done', results: [{ status: 401 }] });
    for (const path of ['/_security/user', '//elsewhere/', '/_remote/info/../../_cluster/settings']) {
      expect(await request(path)).toMatchObject({ outcome: 'refused', error: { code: 'bad-input' } });
    }
  });

  test('says that the node does not answer', async () => {
    process.kill(bed.nodePid() ?? 0, 'SIGKILL');
    await until('the node is gone', () => bed.nodePid() === null);
    const result = await request('/_remote/info');
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'elasticsearch-error' } });
    expect((await bed.gateway.deliver([inspection()], { fence: 0 })).results[0]).toMatchObject({
      process: { running: false, identity: null },
    });
  });
});
