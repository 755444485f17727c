import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys as storeKeys } from '../../../coordinator/src/store/keys.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { type Credentials, joinAgent, post, WireAgent } from '../../support/wire-agent.ts';

let fleet: GatewayFleet;
let one: TestCoordinator;
let two: TestCoordinator;
let keys: KeyPair;

beforeAll(async () => {
  fleet = await startGatewayFleet();
  [one, two] = await Promise.all([fleet.coordinator('one'), fleet.coordinator('two')]);
  keys = await generateRsaKeyPair(2048);
});
afterAll(() => fleet.stop());

const enrol = (name: string): Promise<Credentials> => joinAgent(fleet, one, { name, keys });

describe('an upgrade', () => {
  const refused = async (credentials: Credentials, reason: RegExp): Promise<void> => {
    const before = one.logs.length;
    await expect(WireAgent.dial(one.url, credentials)).rejects.toMatchObject({
      status: 401,
      message: expect.stringMatching(reason),
      problem: { code: 'not-allowed', hint: expect.any(String) },
    });
    expect(one.logs.slice(before).join()).toMatch(/"peer":"127\.0\.0\.1:\d+".*agent refused/);
  };

  test('without a client certificate is refused', async () => {
    await refused({ ...(await enrol('up-1')), key: '', cert: '' }, /no client certificate/);
  });

  test('with a certificate of another CA is refused, whatever that CA is called', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'remora-other-ca-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const other = await openFleetCa({ directory, now: () => new Date() });
    const { publicKeyPem } = keys;
    const { certificatePem } = other.issueAgentCertificate({ publicKeyPem, id: 'us/up-2', validityMs: 86_400_000 });
    await refused({ ...(await enrol('up-2')), cert: certificatePem }, /another CA/);
  });

  test('with a certificate of the fleet CA that was never registered is refused', async () => {
    const { publicKeyPem } = keys;
    const { certificatePem } = fleet.fleetCa.issueAgentCertificate({
      publicKeyPem,
      id: 'us/up-3',
      validityMs: 86_400_000,
    });
    await refused({ ...(await enrol('up-3')), cert: certificatePem }, /revoked/);
  });

  test('with a revoked certificate is refused, and the session that it had is closed', async () => {
    const credentials = await enrol('up-4');
    const agent = await WireAgent.connect(two.url, credentials);
    await one.gateway.disconnect({ cluster: 'us', node: 'up-4' });
    expect(await agent.closed).toMatchObject({ code: 4401, reason: expect.stringContaining('revoked') });
    await refused(credentials, /revoked/);
  });

  test('with a certificate that expired is refused, though it is registered', async () => {
    const longAgo = await openFleetCa({
      directory: fleet.directory,
      now: () => new Date(Date.now() - 400 * 86_400_000),
    });
    const { publicKeyPem } = keys;
    const { certificatePem } = longAgo.issueAgentCertificate({ publicKeyPem, id: 'us/up-5', validityMs: 86_400_000 });
    const fingerprint = new X509Certificate(certificatePem).fingerprint256.replaceAll(':', '').toLowerCase();
    await fleet.redis.hset(storeKeys.agentCertificates, fingerprint, 'us/up-5');
    await refused({ ...(await enrol('up-5')), cert: certificatePem }, /expired on/);
  });

  test('that was refused is closed by the server, though the client keeps its half open', async () => {
    const { hostname: host, port } = new URL(one.url);
    const socket = connectTls({
      socket: connect({ host, port: Number(port), allowHalfOpen: true }),
      servername: host,
      ca: fleet.fleetCa.certificatePem,
    });
    onTestFinished(() => void socket.destroy());
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    socket.write(['GET /agent/v1/session HTTP/1.1', `Host: ${host}`, ...upgrade, '', ''].join('\r\n'));
    expect(await text(socket)).toContain('no client certificate');
    const open = () => new Promise((resolve) => one.server.getConnections((_, count) => resolve(count)));
    await expect.poll(open, { timeout: 10_000 }).toBe(0);
  });

  test('leaves other paths and plain requests alone', async () => {
    const ca = fleet.fleetCa.certificatePem;
    expect((await post(`${one.url}/agent/v1/session`, ca, {})).status).toBe(404);
  });
});
