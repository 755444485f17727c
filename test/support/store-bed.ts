import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { gatewayKeys } from '../../coordinator/src/gateway/gateway-keys.ts';
import type { ClusterRecord } from '../../coordinator/src/plan/records.ts';
import type { StoredPlan } from '../../coordinator/src/plan/steps.ts';
import { newId } from '../../coordinator/src/run/engine.ts';
import { keys } from '../../coordinator/src/store/keys.ts';
import { headOf } from '../../coordinator/src/store/runs/run-hash.ts';
import { RunStore } from '../../coordinator/src/store/runs/run-store.ts';
import { freePorts } from '../elasticsearch/ports.ts';
import { type CoordinatorProcess, spawnCoordinator } from './coordinator-process.ts';
import { type CliResult, runCli } from './run-cli.ts';
import { smallPlan } from './small-plan.ts';

const agentMain = resolve(import.meta.dirname, '../../agent/src/main.ts');

/** A cluster at whose address nothing listens. */
const cluster: ClusterRecord = {
  ...{ name: 'us', urls: ['https://127.0.0.1:9'], caPem: null, user: 'u', password: 'secret:cluster/us@1' },
  ...{ clusterUuid: 'uuid', addedAt: new Date().toISOString() },
};

const runAgent = async (args: readonly string[], stdin: string): Promise<{ code: number | null; stderr: string }> => {
  const child = spawn(process.execPath, [agentMain, ...args], { stdio: 'pipe' });
  const exited = once(child, 'exit');
  child.stdin.end(stdin);
  const [stderr] = await Promise.all([text(child.stderr), text(child.stdout)]);
  const [code] = (await exited) as [number | null];
  return { code, stderr };
};

const startSharedRedis = async (port: number, directory: string): Promise<ChildProcess> => {
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  const server = spawn('redis-server', flags, { stdio: 'ignore' });
  await once(server, 'spawn');
  return server;
};

/** A coordinator as a process with its private Redis, which can be started on another data directory, and a real agent beside a node that does not run. */
export interface StoreBed extends AsyncDisposable {
  readonly directory: string;
  /** Of the shared Redis; empty where each coordinator has a private one. */
  readonly redisUrl: string;
  readonly configDir: string;
  readonly agentDir: string;
  dataDir(name: string): string;
  /** The flags that say where a coordinator keeps what it has. With a shared Redis its sealing key lies outside its data directory. */
  place(name: string): string[];
  /** With a clock that is off by what the file says (shifted-clock.ts), where one is named. */
  start(name: string, clockFile?: string): Promise<CoordinatorProcess>;
  /** Starts one that must not come up; answers what it said. */
  refused(name: string): Promise<string>;
  /** A connection to the shared Redis, or to the private one of a coordinator that runs. */
  redis(name: string): Redis;
  cli(name: string, args: readonly string[], stdin?: string): Promise<CliResult>;
  /** Files the cluster and joins the agent to it. */
  join(name: string): Promise<void>;
  /** Starts the agent; answers everything that it says on stderr, so far. */
  startAgent(): Promise<() => string>;
  stopAgent(): Promise<void>;
  /** Files a run, which a coordinator then drives. */
  fileRun(redis: Redis, plan: StoredPlan): Promise<string>;
}

export const createStoreBed = async (options: { readonly shared?: boolean } = {}): Promise<StoreBed> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-store-'));
  const configDir = join(directory, 'config');
  const agentDir = join(directory, 'agent');
  await Promise.all(['home/bin', 'config'].map((path) => mkdir(join(directory, path), { recursive: true })));
  await writeFile(join(directory, 'home/bin/elasticsearch-keystore'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await writeFile(join(configDir, 'elasticsearch.yml'), '# ours\nnode.name: us-1\n');
  const [port = 0, redisPort = 0] = await freePorts(2);
  const redisUrl = options.shared ? `redis://127.0.0.1:${redisPort}` : '';
  const server = options.shared ? await startSharedRedis(redisPort, directory) : null;
  const coordinators: CoordinatorProcess[] = [];
  const connections: Redis[] = [];
  let agent: ChildProcess | null = null;

  const dataDir = (name: string): string => join(directory, name);
  const place = (name: string): string[] => {
    const own = ['--data-dir', dataDir(name)];
    return options.shared
      ? [...own, '--redis-url', redisUrl, '--sealing-key', join(directory, 'keys', name, 'sealing.key')]
      : own;
  };
  const spawnOn = async (name: string, clockFile?: string): Promise<CoordinatorProcess> => {
    if (options.shared) await mkdir(join(directory, 'keys', name), { recursive: true });
    const coordinator = spawnCoordinator([...place(name), '--listen', `127.0.0.1:${port}`], clockFile);
    coordinators.push(coordinator);
    return coordinator;
  };
  const bed: StoreBed = {
    ...{ directory, redisUrl, configDir, agentDir, dataDir, place },
    async start(name, clockFile) {
      const coordinator = await spawnOn(name, clockFile);
      if ((await coordinator.firstLine) === '') throw new Error(await coordinator.log);
      return coordinator;
    },
    async refused(name) {
      const coordinator = await spawnOn(name);
      if ((await coordinator.firstLine) !== '') throw new Error('the coordinator came up');
      return coordinator.log;
    },
    redis(name) {
      const retry = { retryStrategy: () => 50 };
      const socket = join(dataDir(name), 'redis', 'redis.sock');
      const redis = options.shared ? new Redis(redisUrl, retry) : new Redis({ path: socket, ...retry });
      redis.on('error', () => undefined);
      connections.push(redis);
      return redis;
    },
    cli(name, args, stdin = '') {
      const env = {
        REMORA_URL: `https://127.0.0.1:${port}`,
        REMORA_TOKEN_FILE: join(dataDir(name), 'admin.token'),
        REMORA_CA: join(dataDir(name), 'fleet-ca.crt'),
      };
      return runCli(args, { env, stdin });
    },
    async join(name) {
      const redis = bed.redis(name);
      await redis.hset(keys.clusters, 'us', JSON.stringify(cluster));
      const { stdout } = await bed.cli(name, ['tokens', 'create', '--cluster', 'us', '--json']);
      const { token } = JSON.parse(stdout) as { token: string };
      const flags = ['--es-home', join(directory, 'home'), '--es-config', configDir, '--es-url', 'http://localhost:1'];
      const args = ['join', '--token-file', '-', '--data-dir', agentDir, ...flags];
      const joined = await runAgent([...args, '--start', '/bin/true', '--stop', '/bin/true'], token);
      if (joined.code !== 0) throw new Error(joined.stderr);
      // As if its cluster had confirmed that the node is its own.
      await redis.hdel(gatewayKeys.unverified, 'us/us-1');
    },
    async startAgent() {
      const child = spawn(process.execPath, [agentMain, 'run', '--data-dir', agentDir], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      agent = child;
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += chunk;
      });
      await once(child, 'spawn');
      return () => said;
    },
    async stopAgent() {
      const child = agent;
      agent = null;
      if (!child || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
    async fileRun(redis, plan) {
      const now = new Date();
      const head = headOf(plan, {
        runId: newId('run', now),
        actor: 'tester',
        createdAt: now.toISOString(),
        options: {},
      });
      return new RunStore(redis, () => new Date()).create(head, plan, undefined);
    },
    async [Symbol.asyncDispose]() {
      for (const redis of connections) redis.disconnect();
      await bed.stopAgent();
      await Promise.all(coordinators.map((coordinator) => coordinator.stop()));
      if (server) {
        const ended = once(server, 'exit');
        server.kill('SIGKILL');
        await ended;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
  return bed;
};

/** The highest fence that the agent has seen. */
export const fenceOf = async ({ agentDir }: StoreBed): Promise<number> =>
  Number(await readFile(join(agentDir, 'fence'), 'utf8'));

/** Steps of an agent that place a file whose content is a secret, one after the other. */
export const filesPlan = (...names: string[]): StoredPlan => ({
  ...smallPlan('plan-1'),
  clusters: ['us'],
  steps: names.map((name) => ({
    ...{
      id: name,
      kind: 'node.change',
      target: 'us-1',
      effect: 'file',
      stage: 'record',
      reason: 'a file is missing',
      diff: '',
    },
    input: {
      ...{ cluster: 'us', node: 'us-1', baseline: { health: 'green', nodes: 1 } },
      operations: [
        {
          name: 'files',
          input: {
            write: [{ path: name, content: { $secret: 'secret:p12@1' }, source: 'secret:p12@1', mode: 0o640 }],
            remove: [],
          },
        },
      ],
    },
  })) as unknown as StoredPlan['steps'],
});
