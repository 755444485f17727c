import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePorts } from '../../elasticsearch/ports.ts';
import { nodeEnvironment } from '../cheap/cluster.ts';
import { type ApiCall, callApi } from './api.ts';
import type { Bed, BedCluster, BedNode } from './bed.ts';
import { type Running, start } from './processes.ts';
import { startProxy, type TcpProxy } from './proxies.ts';

const root = join(import.meta.dirname, '../../..');
const coordinatorMain = join(root, 'coordinator/src/cli/main.ts');
const agentBundle = join(root, 'agent/dist/remora-agent.mjs');

/** `shared`: one Redis beside the coordinators, behind a proxy. `private`: a coordinator with a Redis of its own. */
export type StoreMode = 'shared' | 'private';
export type CoordinatorName = 'a' | 'b';

/**
 * Clusters, an agent beside each, one or two coordinators and Redis: the product's own processes, on real sockets. It is made once; each case
 * begins from a copy of that. All bytes between an agent and its coordinator, and between a coordinator and a shared Redis, pass a proxy.
 */
export class Stack<B extends Bed = Bed> {
  readonly directory: string;
  mode: StoreMode = 'shared';
  readonly bed: B;
  readonly links = new Map<string, TcpProxy>();
  readonly coordinators = new Map<CoordinatorName, Running>();
  readonly agents = new Map<string, Running>();
  /** The log of each coordinator process since the start. */
  readonly coordinatorLogs: { readonly file: string; readonly pid: number }[] = [];
  /** Who each process is that may call a node, since the start: a coordinator, or by the node's name its agent. */
  readonly callers = new Map<number, string>();
  /** Coordinators that are stopped: nobody is sent to them. */
  readonly frozen = new Set<CoordinatorName>();
  #redisProxy: TcpProxy | undefined;
  #redisServer: Running | undefined;
  /** Nothing is started any more. */
  isClosed = false;
  #starting: Promise<void> = Promise.resolve();
  readonly #ports: { readonly a: number; readonly b: number; readonly redis: number; readonly redisProxy: number };

  private constructor(directory: string, bed: B, ports: readonly number[]) {
    this.directory = directory;
    this.bed = bed;
    const [a = 0, b = 0, redis = 0, redisProxy = 0] = ports;
    this.#ports = { a, b, redis, redisProxy };
  }

  /** Takes a bed for this directory, joins the agents and keeps a copy of all that lies there. */
  static async create<B extends Bed>(directory: string, makeBed: (live: string) => Promise<B>): Promise<Stack<B>> {
    const live = join(directory, 'live');
    await mkdir(live, { recursive: true });
    const stack = new Stack(directory, await makeBed(live), await freePorts(4));
    const links = await freePorts(stack.nodes.length);
    for (const [index, { name }] of stack.nodes.entries())
      stack.links.set(name, await startProxy(links[index] ?? 0, () => stack.#coordinatorPort()));
    stack.#redisProxy = await startProxy(stack.#ports.redisProxy, () => stack.#ports.redis);
    try {
      await stack.#fill();
      await stack.stop();
      await cp(live, join(directory, 'template'), { recursive: true, preserveTimestamps: true });
      return stack;
    } catch (error) {
      await stack.close();
      throw error;
    }
  }

  get nodes(): readonly BedNode[] {
    return this.bed.clusters.flatMap(({ nodes }) => nodes);
  }

  get redisProxy(): TcpProxy {
    if (!this.#redisProxy) throw new Error('the stack is closed');
    return this.#redisProxy;
  }

  live(...parts: readonly string[]): string {
    return join(this.directory, 'live', ...parts);
  }

  agentDirectory(node: string): string {
    return this.live(`agent-${node}`);
  }

  /** Everything as it was made, running, and every agent connected. */
  start(mode: StoreMode, withStandby: boolean): Promise<void> {
    if (this.isClosed) throw new Error('the stack is closed');
    this.#starting = this.#start(mode, withStandby);
    return this.#starting;
  }

  async #start(mode: StoreMode, withStandby: boolean): Promise<void> {
    await rm(this.live(), { recursive: true, force: true });
    await cp(join(this.directory, 'template'), this.live(), { recursive: true, preserveTimestamps: true });
    this.mode = mode;
    this.frozen.clear();
    this.coordinatorLogs.length = 0;
    this.callers.clear();
    await mkdir(this.live('logs'), { recursive: true });
    const bed = this.bed.begin();
    if (mode === 'shared') await this.startRedis();
    await Promise.all([this.startCoordinator('a'), ...(withStandby ? [this.#prepareStandby()] : [])]);
    if (withStandby) await this.startCoordinator('b');
    await bed;
    await Promise.all(this.nodes.map(({ name }) => this.startAgent(name)));
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    const running = [
      ...this.coordinators.values(),
      ...this.agents.values(),
      ...(this.#redisServer ? [this.#redisServer] : []),
    ];
    await Promise.all(running.map((one) => one.end()));
    if (this.mode === 'private') await this.killPrivateRedis().catch(() => undefined);
    this.coordinators.clear();
    this.agents.clear();
    this.#redisServer = undefined;
    await this.bed.end();
  }

  /** Also in the middle of a case, whose start may still be under way. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.stop();
    await this.#starting.catch(() => undefined);
    await this.stop();
    for (const link of this.links.values()) await link.close();
    await this.#redisProxy?.close();
    this.#redisProxy = undefined;
    await this.bed.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  api<T>(call: ApiCall): Promise<T> {
    const places = () => this.#reachable().map((name) => ({ port: this.#ports[name], dataDir: this.dataDir(name) }));
    return callApi<T>(places, call);
  }

  dataDir(name: CoordinatorName): string {
    return this.live(`coordinator-${name}`);
  }

  async startCoordinator(name: CoordinatorName): Promise<void> {
    const store = this.mode === 'shared' ? ['--redis-url', `redis://127.0.0.1:${this.#ports.redisProxy}`] : [];
    const args = ['coordinator', '--data-dir', this.dataDir(name), '--listen', `127.0.0.1:${this.#ports[name]}`];
    const logFile = this.live('logs', `coordinator-${this.coordinatorLogs.length}.log`);
    const running = await start(process.execPath, [coordinatorMain, ...args, ...store], {
      logFile,
      ready: 'ready ',
      env: { NODE_COMPILE_CACHE: join(root, '.cache/compiled') },
      onSpawn: (pid) => {
        this.coordinatorLogs.push({ file: logFile, pid });
        this.#noteCaller(pid, `coordinator ${name}`);
      },
    });
    this.coordinators.set(name, running);
  }

  /** For the nodes, which write down whose call changed something. */
  #noteCaller(pid: number, who: string): void {
    this.callers.set(pid, who);
    const file = this.live('callers.json');
    writeFileSync(`${file}.new`, JSON.stringify([...this.callers.keys()]));
    renameSync(`${file}.new`, file);
  }

  async killCoordinator(name: CoordinatorName): Promise<void> {
    const running = this.coordinators.get(name);
    this.coordinators.delete(name);
    await running?.end();
  }

  async startAgent(node: string): Promise<void> {
    const args = [agentBundle, 'run', '--data-dir', this.agentDirectory(node)];
    const running = await start(process.execPath, args, {
      logFile: this.live('logs', `agent-${node}.log`),
      ready: 'connected ',
      env: nodeEnvironment,
      onSpawn: (pid) => this.#noteCaller(pid, node),
    });
    this.agents.set(node, running);
  }

  async startRedis(): Promise<void> {
    const directory = join(this.dataDir('a'), 'redis');
    await mkdir(directory, { recursive: true });
    const where = ['--port', String(this.#ports.redis), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
    const args = [...where, '--appendonly', 'yes', '--appendfsync', 'always'];
    this.#redisServer = await start('redis-server', args, { logFile: this.live('redis.log'), ready: '' });
  }

  async killRedis(): Promise<void> {
    if (this.mode === 'private') return this.killPrivateRedis();
    await this.#redisServer?.end();
    this.#redisServer = undefined;
  }

  async killPrivateRedis(): Promise<void> {
    const pid = Number(readFileSync(join(this.dataDir('a'), 'redis/redis.pid'), 'utf8'));
    if (Number.isInteger(pid) && pid > 1) process.kill(pid, 'SIGKILL');
  }

  /** A connection to the store, past every proxy. The caller closes it. */
  redis(): Redis {
    const address =
      this.mode === 'shared'
        ? { host: '127.0.0.1', port: this.#ports.redis }
        : { path: join(this.dataDir('a'), 'redis/redis.sock') };
    const redis = new Redis({ ...address, retryStrategy: () => 20, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    return redis;
  }

  #reachable(): CoordinatorName[] {
    return (['a', 'b'] as const).filter((name) => this.coordinators.has(name) && !this.frozen.has(name));
  }

  #coordinatorPort(): number {
    return this.#ports[this.#reachable()[0] ?? 'a'];
  }

  /** The second coordinator knows the fleet's keys, and has an identity of its own. */
  async #prepareStandby(): Promise<void> {
    await mkdir(this.dataDir('b'), { recursive: true, mode: 0o700 });
    for (const file of ['sealing.key', 'fleet-ca.crt', 'fleet-ca.key', 'admin.token'])
      await cp(join(this.dataDir('a'), file), join(this.dataDir('b'), file));
  }

  async #fill(): Promise<void> {
    this.mode = 'private';
    await mkdir(this.live('logs'));
    await Promise.all([this.bed.begin(), this.startCoordinator('a')]);
    for (const cluster of this.bed.clusters) await this.#addCluster(cluster);
    // Sent by its own signal, so that the store is written as a coordinator leaves it.
    await this.coordinators.get('a')?.end('SIGTERM');
    this.coordinators.clear();
  }

  async #addCluster({ name, user, password, caPath, nodes }: BedCluster): Promise<void> {
    const urls = nodes.map(({ url }) => url);
    const caPem = caPath === null ? null : await readFile(caPath, 'utf8');
    await this.api({ method: 'POST', path: '/clusters', body: { name, urls, caPem, user, password } });
    const { token } = await this.api<{ token: string }>({
      ...{ method: 'POST', path: '/tokens' },
      body: { cluster: name, uses: nodes.length },
    });
    for (const node of nodes) await this.#join(node, token, caPath);
  }

  async #join(node: BedNode, token: string, caPath: string | null): Promise<void> {
    const directory = this.agentDirectory(node.name);
    const args = [
      ...['join', '--token-file', '-', '--data-dir', directory, '--es-home', node.home, '--es-config', node.configDir],
      ...['--es-url', node.url, '--start', node.startCommand, '--stop', node.stopCommand],
      ...(caPath === null ? [] : ['--es-ca', caPath]),
    ];
    const env = { ...process.env, ...nodeEnvironment };
    execFileSync(process.execPath, [agentBundle, ...args], {
      input: `${token}\n`,
      env,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    // Its link: agent.yml is what an operator may edit, too.
    const config = join(directory, 'agent.yml');
    const link = `https://127.0.0.1:${this.links.get(node.name)?.port}`;
    await writeFile(config, (await readFile(config, 'utf8')).replace(/https:\/\/127\.0\.0\.1:\d+/, link));
  }
}
