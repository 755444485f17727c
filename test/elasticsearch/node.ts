import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Backing, configDirectory, type NodePlace } from './place.ts';
import type { Version } from './versions.ts';

/** A real Elasticsearch node, running or not. */
export class EsNode {
  readonly name: string;
  /** for an agent's `--es-home` */
  readonly home: string;
  /** for an agent's `--es-config`; holds elasticsearch.yml */
  readonly configDir: string;
  readonly url: string;
  readonly httpPort: number;
  readonly transportPort: number;
  /** stands in elasticsearch.yml as `remote_cluster.port`, unless the cluster was made without it */
  readonly remoteClusterPort: number;
  /** for an agent's `--start`: one word, does nothing when the node runs */
  readonly startCommand: string;
  /** for an agent's `--stop`: returns when the node is gone */
  readonly stopCommand: string;
  readonly #place: NodePlace;
  readonly #version: Version;
  readonly #backing: Backing;

  constructor(place: NodePlace, version: Version, backing: Backing) {
    this.#place = place;
    this.#version = version;
    this.#backing = backing;
    this.name = place.name;
    this.home = place.home;
    this.configDir = configDirectory(place);
    this.url = `${place.scheme}://${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.httpPort}`;
    this.httpPort = place.httpPort;
    this.transportPort = place.transportPort;
    this.remoteClusterPort = place.remoteClusterPort;
    this.startCommand = join(place.directory, 'start');
    this.stopCommand = join(place.directory, 'stop');
  }

  /** Returns when the process runs, long before it answers: see EsCluster.waitUntilReady. */
  start(): Promise<void> {
    return this.#backing.start(this.#place, this.#version);
  }

  /** Returns when the process is gone. */
  async stop(): Promise<void> {
    await runWithInput([this.stopCommand], '');
  }

  /** How often the node was started, by whomever. */
  starts(): number {
    const file = join(this.#place.directory, 'starts');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
  }

  /** Undefined while the node does not run. */
  pid(): number | undefined {
    return this.#backing.pid(this.#place);
  }

  /** Everything that the node printed since it was made, of all its starts. */
  log(): string {
    return this.#backing.log(this.#place);
  }

  /**
   * Runs elasticsearch-keystore on this node's keystore and answers its stdout.
   * @param stdin of a protected keystore the first line is its password
   * @throws with the exit code and stderr
   */
  keystore(command: readonly string[], stdin = ''): Promise<string> {
    const tool = join(this.home, 'bin', 'elasticsearch-keystore');
    return runWithInput([tool, ...command], stdin, { ...process.env, ES_PATH_CONF: this.configDir });
  }
}

async function runWithInput(command: readonly string[], stdin: string, env = process.env): Promise<string> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env, stdio: 'pipe' });
  child.stdin.on('error', () => undefined); // it may end without reading everything; its exit code tells
  child.stdin.end(stdin);
  const code = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  if (exit !== 0) throw new Error(`${command.join(' ')} ended with ${exit}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}
