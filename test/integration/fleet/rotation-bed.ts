import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import type { JoinResponse } from '@remora/shared/protocol/enrol.ts';
import { paths } from '@remora/shared/protocol/limits.ts';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import type { NodeRecord } from '../../../coordinator/src/store/records.ts';
import { freePorts } from '../../elasticsearch/ports.ts';
import { type CoordinatorProcess, spawnCoordinator } from '../../support/coordinator-process.ts';
import { runCli } from '../../support/run-cli.ts';
import { createSmallAgent, type SmallAgent } from '../../support/small-agent.ts';
import { type Credentials, joinRequest, post, WireAgent } from '../../support/wire-agent.ts';

/** Only a hang is to be found out: a machine that is busy with other tests takes its time. */
export const patiently = { timeout: 120_000, interval: 100 };

/** A coordinator as a process with a private Redis that knows the cluster `us`, and what joins it. */
export interface RotationBed extends AsyncDisposable {
  readonly dataDir: string;
  readonly url: string;
  readonly redis: Redis;
  readonly coordinator: () => CoordinatorProcess;
  start(killedAt?: string): Promise<void>;
  /** Ends it without a word, and starts it again on what it left. */
  killAndStart(killedAt?: string): Promise<void>;
  /** Answers JSON of a command that has to succeed. */
  json<T>(...args: readonly string[]): Promise<T>;
  remora: (...args: readonly string[]) => ReturnType<typeof runCli>;
  status(): Promise<FleetStatus>;
  /** `PHASE NODE…` of those that are waited for, or `none`. */
  waits(): Promise<string>;
  token(uses?: number): Promise<string>;
  /** A real agent, joined. */
  agent(name: string, token?: string): Promise<SmallAgent>;
  record(name: string): Promise<NodeRecord | null>;
  isOnline(name: string): Promise<boolean>;
  /** An agent of which the test decides what it answers, joined and connected; it beats. */
  wireAgent(name: string): Promise<WireAgent>;
  /** The certificates in fleet-ca.crt, SHA-256 each. */
  trusted(): Promise<string[]>;
}

/** SHA-256 of the certificates in a PEM file, lower-case hex. */
export const fingerprintsIn = async (path: string): Promise<string[]> =>
  [...(await readFile(path, 'utf8')).matchAll(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)].map(
    ([pem]) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase(),
  );

/** Keeps the session of a node that does not run alive until it is closed. */
const beating = (agent: WireAgent): WireAgent => {
  const beat = { type: 'heartbeat' as const, running: false, pid: null, delivery: null };
  const timer = setInterval(() => agent.send(beat), 2000);
  void agent.closed.then(() => clearInterval(timer));
  return agent;
};

const cluster = {
  ...{ name: 'us', urls: ['https://127.0.0.1:1'], caPem: null, user: 'remora', password: 'secret:us@1' },
  ...{ clusterUuid: 'uuid-of-us', addedAt: new Date().toISOString() },
};

export const startRotationBed = async (): Promise<RotationBed> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-rotation-'));
  const dataDir = join(directory, 'data');
  const [port = 0] = await freePorts(1);
  const url = `https://127.0.0.1:${port}`;
  const agents: SmallAgent[] = [];
  let running: CoordinatorProcess | null = null;
  const spawned = async (killedAt?: string): Promise<void> => {
    running = spawnCoordinator(['--data-dir', dataDir, '--listen', `127.0.0.1:${port}`], undefined, killedAt);
    if ((await running.firstLine) === '') throw new Error(await running.log);
  };
  await spawned();
  const redis = new Redis({ path: join(dataDir, 'redis', 'redis.sock'), retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  await redis.hset(keys.clusters, 'us', JSON.stringify(cluster));
  const env = {
    REMORA_URL: url,
    REMORA_TOKEN_FILE: join(dataDir, 'admin.token'),
    REMORA_CA: join(dataDir, 'fleet-ca.crt'),
  };
  const ca = (): Promise<string> => readFile(join(dataDir, 'fleet-ca.crt'), 'utf8');
  const bed: RotationBed = {
    ...{ dataDir, url, redis },
    coordinator: () => running ?? expect.unreachable(),
    start: spawned,
    async killAndStart(killedAt) {
      await running?.stop('SIGKILL');
      await spawned(killedAt);
    },
    remora: (...args) => runCli(args, { env }),
    async json<T>(...args: readonly string[]) {
      const answer = await bed.remora(...args, '--json');
      expect(answer.code, answer.stderr + answer.stdout).toBe(0);
      return JSON.parse(answer.stdout) as T;
    },
    async status() {
      const token = (await readFile(env.REMORA_TOKEN_FILE, 'utf8')).trim();
      const headers = { authorization: `Bearer ${token}` };
      const asking = request(`${url}/api/v1/fleet`, { ca: await ca(), headers, agent: false }).end();
      const [response] = (await once(asking, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      return JSON.parse(await text(response)) as FleetStatus;
    },
    async waits() {
      const { rotation } = await bed.status();
      return rotation ? [rotation.phase, ...rotation.waitingFor.map(({ node }) => node)].join(' ') : 'none';
    },
    token: async (uses = 1) =>
      (await bed.json<{ token: string }>('tokens', 'create', '--cluster', 'us', '--uses', String(uses))).token,
    async agent(name, token) {
      const agent = await createSmallAgent(name);
      agents.push(agent);
      await agent.join(token ?? (await bed.token()));
      return agent;
    },
    async record(name) {
      const record = await redis.hget(keys.nodes, `us/${name}`);
      return record === null ? null : (JSON.parse(record) as NodeRecord);
    },
    isOnline: async (name) => (await redis.hexists(keys.sessions, `us/${name}`)) === 1,
    async wireAgent(name) {
      const pair = await generateRsaKeyPair(2048);
      const token = await bed.token();
      const { status, body } = await post(
        `${url}${paths.join}`,
        await ca(),
        joinRequest({ token, name, keys: pair, pid: null }),
      );
      expect(status, JSON.stringify(body)).toBe(200);
      const { certificatePem: cert, storeId } = body as JoinResponse;
      const held: Credentials = { name, cluster: 'us', key: pair.privateKeyPem, cert, ca: await ca(), storeId };
      const agent = await WireAgent.dial(url, held);
      const elasticsearch = { running: false, configDir: '/etc/elasticsearch', pid: null };
      agent.hello({ trusts: await bed.trusted(), elasticsearch });
      await agent.next('welcome');
      return beating(agent);
    },
    trusted: () => fingerprintsIn(join(dataDir, 'fleet-ca.crt')),
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
      await running?.stop('SIGTERM');
      await redis.shutdown('NOSAVE').catch(() => undefined);
      redis.disconnect();
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return bed;
};
