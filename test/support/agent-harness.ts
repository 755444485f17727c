import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { OperationCall, OperationInput, OperationName } from '@remora/shared/operations.ts';
import { distribution } from '../elasticsearch/distribution.ts';
import { freePorts } from '../elasticsearch/ports.ts';
import { jdkFor, newestVersionHere } from '../elasticsearch/versions.ts';
import { cheapNode, endNodes, processesOf } from './cheap-node/processes.ts';
import { clockOf } from './clock.ts';
import { type FakeGateway, startFakeGateway, until } from './fake-gateway.ts';

/** What ships is what is tested: the bundle, made anew by test/run.ts. */
export const AGENT = join(import.meta.dirname, '../../agent/dist/remora-agent.mjs');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the agent's CLI to its end. */
export const runAgentCli = async (args: readonly string[], stdin = ''): Promise<Ended> => {
  const child = spawn(process.execPath, [AGENT, ...args], { stdio: 'pipe' });
  child.stdin.end(stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, 'exit');
  return { code: child.exitCode, stdout, stderr };
};

export interface NodeBed extends AsyncDisposable {
  readonly root: string;
  readonly configDir: string;
  readonly dataDir: string;
  readonly esHome: string;
  readonly port: number;
  readonly settingsFile: string;
  readonly keystore: string;
  readonly gateway: FakeGateway;
  /** Arguments of `join` without the token. */
  readonly joinArgs: readonly string[];
  /** Joins with these arguments, some replaced or, where null, left out. */
  join(changes?: Readonly<Record<string, string | null>>): Promise<void>;
  /** Starts `agent run` and waits for its first line; with a clock that is off by what the file says (shifted-clock.ts), where one is named. */
  startAgent(clockFile?: string): Promise<AgentProcess>;
  startNode(): Promise<void>;
  /** Pid of the node, null when none runs. */
  nodePid(): number | null;
  /** Pid of the last node that was asked to stop, null when none was. */
  stoppingPid(): number | null;
  answers(): Promise<boolean>;
  yml(): Promise<string>;
  /** elasticsearch.yml as it was when the node that answers was started. */
  settingsInForce(): Promise<string>;
  /** The record of the newest delivery in the agent's journal, as far as it can be read at this instant. */
  record(): { phase: string; id: string } | null;
  /** Processes of nodes for this configuration directory. */
  nodeCount(): number;
}

export interface AgentProcess {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly stdout: () => string;
  /** SIGSTOP; resolves when no more is done. */
  freeze(): Promise<void>;
  /** SIGKILL, as a crash. */
  crash(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  return child.exitCode;
};

const startAgent = async (dataDir: string, clockFile?: string): Promise<AgentProcess> => {
  const clock = clockOf(clockFile);
  const child = spawn(process.execPath, [...clock.args, AGENT, 'run', '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: clock.env,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await until('the agent says connected', () => {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the agent ended with ${child.exitCode}: ${stderr}`);
    return stdout.includes('\n');
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    freeze: async () => {
      child.kill('SIGSTOP');
      await until('the agent is stopped', () => /^State:\s+T/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8')));
    },
    crash: async () => {
      await end(child, 'SIGKILL');
    },
    stop: () => end(child, 'SIGTERM'),
  };
};

const newestRecord = (journal: string): { phase: string; id: string } | null => {
  const records = readdirSync(journal).flatMap((folder) => {
    try {
      return [JSON.parse(readFileSync(join(journal, folder, 'record.json'), 'utf8'))];
    } catch {
      return [];
    }
  });
  return records.sort((a, b) => b.startedAtMs - a.startedAtMs)[0] ?? null;
};

/** Arguments in pairs of flag and value, some replaced or, where null, left out. */
export const changeArguments = (
  args: readonly string[],
  changes: Readonly<Record<string, string | null>>,
): readonly string[] => {
  const pairs = new Map<string, string>();
  for (let i = 0; i < args.length; i += 2) pairs.set(args[i] ?? '', args[i + 1] ?? '');
  for (const [flag, value] of Object.entries(changes)) {
    if (value === null) pairs.delete(flag);
    else pairs.set(flag, value);
  }
  return [...pairs].flat();
};

const numberIn = (file: string): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);

/** A configuration directory, a cheap node, a gateway and room for an agent, each with its own ports. */
export const createBed = async (settings: readonly string[] = [], esHomeGiven?: string): Promise<NodeBed> => {
  const root = await mkdtemp(join(tmpdir(), 'remora-agent-'));
  const configDir = join(root, 'config');
  const dataDir = join(root, 'agent');
  const settingsFile = join(configDir, 'elasticsearch.yml');
  await mkdir(configDir);
  const [port = 0] = await freePorts(1);
  await writeFile(settingsFile, ['# cheap', 'node.name: eu-1', `http.port: ${port}`, ...settings, ''].join('\n'));
  const version = await newestVersionHere();
  const esHome = esHomeGiven ?? (await distribution(version));
  process.env.ES_JAVA_HOME = jdkFor(version).home;
  const gateway = await startFakeGateway(join(root, 'gateway'));
  process.env.CHEAP_NODE_EXECUTABLE = process.execPath;
  const agents: AgentProcess[] = [];

  const host = settings.find((line) => line.startsWith('network.host: '))?.split(' ')[1] ?? '127.0.0.1';
  // The pid file may be of a node that is gone, and its number another process' by now.
  const nodePid = (): number | null =>
    processesOf(configDir, 'node.mjs').find((pid) => pid === numberIn(join(root, 'pid'))) ?? null;
  const answers = async (): Promise<boolean> =>
    fetch(`http://${host}:${port}/`).then(
      (response) => response.status > 0,
      () => false,
    );
  const joinArgs = [
    ...['--data-dir', dataDir, '--es-home', esHome, '--es-config', configDir, '--es-url', `http://${host}:${port}`],
    ...['--start', cheapNode('start.sh'), '--stop', cheapNode('stop.sh')],
  ];

  return {
    root,
    configDir,
    dataDir,
    esHome,
    port,
    settingsFile,
    keystore: join(configDir, 'elasticsearch.keystore'),
    gateway,
    joinArgs,
    async join(changes = {}) {
      const args = changeArguments(joinArgs, changes);
      const ended = await runAgentCli(['join', '--token-file', '-', ...args], gateway.token());
      if (ended.code !== 0) throw new Error(`join ended with ${ended.code}: ${ended.stderr}`);
    },
    async startAgent(clockFile) {
      const agent = await startAgent(dataDir, clockFile);
      agents.push(agent);
      await gateway.waitForSession();
      return agent;
    },
    async startNode() {
      spawn(cheapNode('start.sh'), { env: { ...process.env, ES_PATH_CONF: configDir }, stdio: 'ignore' });
      await until('the node answers', answers);
    },
    nodePid,
    stoppingPid: () => numberIn(join(root, 'stopping')) || null,
    answers,
    yml: () => readFile(settingsFile, 'utf8'),
    async settingsInForce() {
      const response = await fetch(`http://${host}:${port}/`);
      return ((await response.json()) as { settings: string }).settings;
    },
    record: () => newestRecord(join(dataDir, 'journal')),
    nodeCount: () => processesOf(configDir, 'node.mjs').length,
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent.crash();
      await endNodes(configDir);
      await gateway[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
};

/** One operation with its input, typed by its name. */
export const op = <N extends OperationName>(name: N, input: OperationInput<N>): OperationCall =>
  ({ name, input }) as OperationCall;

export const restart = (startTimeoutMs = 20_000): OperationCall => op('service', { action: 'restart', startTimeoutMs });
export const setting = (set: OperationInput<'settings'>['set'], remove: string[] = []): OperationCall =>
  op('settings', { set, remove });
export const file = (path: string, content: string, mode = 0o640): OperationCall =>
  op('files', {
    write: [{ path, content: Buffer.from(content).toString('base64'), source: `source:${path}`, mode }],
    remove: [],
  });
export const entry = (name: string, value: string, password?: string): OperationCall =>
  op('keystore', {
    set: [{ name, value, reference: `secret:${name}@1` }],
    remove: [],
    ...(password === undefined ? {} : { password }),
  });
export const inspection = (input: Partial<OperationInput<'inspect'>> = {}): OperationCall =>
  op('inspect', { settings: ['*'], files: [], ...input });
