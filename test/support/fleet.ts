import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import type { EsCluster } from '../elasticsearch/cluster.ts';
import type { EsNode } from '../elasticsearch/node.ts';
import { freePorts } from '../elasticsearch/ports.ts';

const remora = join(import.meta.dirname, '../../bin/remora');

export interface CliAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each line of stderr as it comes: the progress of long commands. */
  readonly onLine?: (line: string) => void;
}

/** A process of the product, its first line of stdout, and its log on disk. */
interface Running {
  readonly child: ChildProcess;
  readonly firstLine: string;
}

const FIRST_LINE_LIMIT_MS = 60_000;

/** The product as its users run it: `bin/remora` for the coordinator, the CLI and an agent beside every node; everything below one temporary directory. */
export class Fleet implements AsyncDisposable {
  readonly directory: string;
  readonly url: string;
  readonly #port: number;
  #coordinator: Running | undefined;
  readonly #agents = new Map<string, Running>();
  readonly #outputs: string[] = [];
  readonly #joinTokens: string[] = [];

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.#port = port;
    this.url = `https://127.0.0.1:${port}`;
  }

  /** Starts a coordinator with its own Redis and waits until it says that it is ready. */
  static async start(): Promise<Fleet> {
    const [port = 0] = await freePorts(1);
    const fleet = new Fleet(await mkdtemp(join(tmpdir(), 'remora-fleet-')), port);
    try {
      await fleet.startCoordinator();
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  get dataDirectory(): string {
    return join(this.directory, 'coordinator');
  }

  get coordinatorPid(): number | undefined {
    return this.#coordinator?.child.pid;
  }

  get coordinatorLog(): string {
    return readFileSync(join(this.directory, 'coordinator.log'), 'utf8');
  }

  /** Everything that commands printed, but for the answers that hold a join token because that was asked for. */
  get outputs(): readonly string[] {
    return this.#outputs;
  }

  get joinTokens(): readonly string[] {
    return this.#joinTokens;
  }

  agentDirectory(node: string): string {
    return join(this.directory, `agent-${node}`);
  }

  agentPid(node: string): number | undefined {
    return this.#agents.get(node)?.child.pid;
  }

  async startCoordinator(...flags: string[]): Promise<void> {
    const args = ['coordinator', '--data-dir', this.dataDirectory, '--listen', `127.0.0.1:${this.#port}`, ...flags];
    this.#coordinator = await this.#run('coordinator', args, 'ready ');
  }

  /** Answers the exit code, or the signal that ended it. */
  async stopCoordinator(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    const running = this.#coordinator;
    this.#coordinator = undefined;
    return running ? end(running.child, signal) : 0;
  }

  /** Runs the CLI as the administrator. */
  async cli(args: readonly string[], options: CliOptions = {}): Promise<CliAnswer> {
    const env = {
      ...process.env,
      REMORA_URL: this.url,
      REMORA_TOKEN_FILE: join(this.dataDirectory, 'admin.token'),
      REMORA_CA: join(this.dataDirectory, 'fleet-ca.crt'),
      ...options.env,
    };
    const child = spawn(remora, [...args], { env, stdio: 'pipe' });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
    const { onLine } = options;
    if (onLine) createInterface({ input: child.stderr }).on('line', onLine);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    this.#outputs.push(args[0] === 'tokens' ? stderr : stdout, stderr);
    return { code: Number(code), stdout, stderr };
  }

  /** Calls the HTTP API as the administrator and answers the body, whatever the status. */
  async api(path: string): Promise<string> {
    const [ca, token] = await Promise.all(
      ['fleet-ca.crt', 'admin.token'].map((file) => readFile(join(this.dataDirectory, file), 'utf8')),
    );
    const headers = { authorization: `Bearer ${token?.trim()}` };
    const request = get(`${this.url}/api/v1${path}`, { ...(ca ? { ca } : {}), headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return text(response);
  }

  /** Runs a command with --json that has to succeed, and answers what it printed. */
  async json<T>(args: readonly string[], options: CliOptions = {}): Promise<T> {
    const answer = await this.cli([...args, '--json'], options);
    if (answer.code !== 0)
      throw new Error(`remora ${args.join(' ')}: exit ${answer.code}: ${answer.stderr}${answer.stdout}`);
    return JSON.parse(answer.stdout) as T;
  }

  /** Adds a cluster and joins and starts an agent beside each of its nodes. */
  async add(cluster: EsCluster): Promise<void> {
    await this.addCluster(cluster);
    const token = await this.joinToken(cluster.name, cluster.nodes.length);
    await Promise.all(cluster.nodes.map((node) => this.addAgent(node, token, cluster.caPath)));
  }

  /** Makes a token for `uses` agents of a cluster. */
  async joinToken(cluster: string, uses = 1): Promise<string> {
    const { token } = await this.json<{ token: string }>([
      ...['tokens', 'create', '--cluster', cluster],
      ...['--uses', String(uses)],
    ]);
    this.#joinTokens.push(token);
    return token;
  }

  /** Adds a cluster alone, by the URLs of its nodes. */
  async addCluster(cluster: EsCluster): Promise<void> {
    const https = cluster.nodes[0]?.url.startsWith('https:');
    const password = join(this.directory, `${cluster.name}.password`);
    await writeFile(password, cluster.password, { mode: 0o600 });
    const urls = cluster.nodes.flatMap((node) => ['--url', node.url]);
    const ca = https ? ['--ca', cluster.caPath] : [];
    await this.json([
      ...['clusters', 'add', cluster.name, ...urls, ...ca],
      ...['--user', cluster.user, '--password-file', password],
    ]);
  }

  /** Joins and starts an agent beside a node. */
  async addAgent(node: EsNode, token: string, caPath: string): Promise<void> {
    const answer = await this.join(node, token, caPath);
    if (answer.code !== 0) throw new Error(`agent join ${node.name}: exit ${answer.code}: ${answer.stderr}`);
    await this.startAgent(node.name);
  }

  /** Runs `agent join` beside a node, and answers how that went. */
  join(node: EsNode, token: string, caPath: string, dataDir = this.agentDirectory(node.name)): Promise<CliAnswer> {
    const https = node.url.startsWith('https:');
    const args = [
      ...['agent', 'join', '--token-file', '-', '--name', node.name, '--data-dir', dataDir],
      ...['--es-home', node.home, '--es-config', node.configDir, '--es-url', node.url],
      ...(https ? ['--es-ca', caPath] : []),
      ...['--start', node.startCommand, '--stop', node.stopCommand],
    ];
    return this.cli(args, { stdin: `${token}\n` });
  }

  async startAgent(node: string): Promise<void> {
    const running = await this.#run(
      `agent-${node}`,
      ['agent', 'run', '--data-dir', this.agentDirectory(node)],
      'connected ',
    );
    this.#agents.set(node, running);
  }

  async stopAgent(node: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = this.#agents.get(node);
    this.#agents.delete(node);
    if (running) await end(running.child, signal);
  }

  /** Ends every process of the product that was started here and removes what it wrote. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.keys()].map((node) => this.stopAgent(node)));
    await this.stopCoordinator();
    await this.#endOrphanedRedis();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  /** The Redis of a coordinator that was killed outlives it, for the next one. */
  async #endOrphanedRedis(): Promise<void> {
    const redis = new Redis({
      path: join(this.dataDirectory, 'redis', 'redis.sock'),
      lazyConnect: true,
      retryStrategy: () => null,
    });
    redis.on('error', () => undefined);
    await redis
      .connect()
      .then(() => redis.shutdown('NOSAVE'))
      .catch(() => undefined); // mostly there is none
    redis.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(name: string, args: readonly string[], expected: string): Promise<Running> {
    await mkdir(this.directory, { recursive: true });
    const log = join(this.directory, `${name}.log`);
    const child = spawn(remora, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stderr.pipe(createWriteStream(log, { flags: 'a' }));
    const firstLine = await firstLineOf(child);
    if (firstLine.startsWith(expected)) return { child, firstLine };
    await end(child, 'SIGKILL');
    throw new Error(
      `${name} said "${firstLine}" and not "${expected}…": ${(await readFile(log, 'utf8')).slice(-2000)}`,
    );
  }
}

const firstLineOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(''), FIRST_LINE_LIMIT_MS);
    const done = (line: string): void => {
      clearTimeout(timer);
      resolve(line);
    };
    child.once('exit', () => done(''));
    if (child.stdout) createInterface({ input: child.stdout }).once('line', done);
  });

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> => {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
  return child.exitCode ?? child.signalCode ?? 0;
};
