import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { freemem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpAnswer, sendRequest } from './http.ts';
import { mavenBacking } from './maven-backing.ts';
import { EsNode } from './node.ts';
import type { Backing, ClusterPlace } from './place.ts';
import type { Version } from './versions.ts';

export interface CallOptions {
  /** index of the node that is asked; default 0 */
  node?: number;
  user?: string;
  password?: string;
  /** ms; default 60,000 */
  timeout?: number;
  /** keeps connections for the next call; default: each has one of its own */
  agent?: Agent;
}

/** A real Elasticsearch cluster of this machine. Made by `createCluster`, or taken up from its place by another process. */
export class EsCluster implements AsyncDisposable {
  readonly place: ClusterPlace;
  readonly name: string;
  readonly version: Version;
  readonly nodes: readonly EsNode[];
  /** PEM of the authority that signed the nodes' transport and HTTPS certificates */
  readonly caPath: string;
  /** a superuser */
  readonly user: string;
  readonly password: string;
  readonly #end: () => Promise<void>;
  #ca: string | undefined;

  /** @param end what `close` does: nothing for a cluster that another process owns */
  constructor(place: ClusterPlace, backing: Backing, end: () => Promise<void> = () => Promise.resolve()) {
    this.place = place;
    this.name = place.name;
    this.version = place.version;
    this.nodes = place.nodes.map((node) => new EsNode(node, place.version, backing));
    this.caPath = place.caPath;
    this.user = place.user;
    this.password = place.password;
    this.#end = end;
  }

  /** Starts all nodes side by side; returns before they answer. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  /** Stops all nodes side by side; they can be started again. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Ends the nodes at once and removes everything of this cluster from the disk. */
  async close(): Promise<void> {
    await this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Waits until all nodes are in the cluster, it is yellow or green, and users can sign in.
   * @param limit ms
   * @throws with the end of a node's log when a node ended or the time is over
   */
  async waitUntilReady(limit = 180_000): Promise<void> {
    const end = Date.now() + limit;
    let last: unknown = 'nothing yet';
    while (Date.now() < end) {
      const ended = this.nodes.find((node) => node.pid() === undefined);
      if (ended !== undefined)
        throw new Error(`${ended.name} ended while it started:\n${ended.log().slice(-3000) || silence()}`);
      try {
        if (await this.#ready()) return;
      } catch (error) {
        last = error;
      }
      await sleep(250);
    }
    const logs = this.nodes.map((node) => `${node.name}:\n${node.log().slice(-1500)}`).join('\n');
    throw new Error(`Cluster ${this.name} was not ready after ${limit} ms, last: ${last}\n${logs}`);
  }

  /** A master gives a new cluster its licence and its security index a moment after it is green for the first time. */
  async #ready(): Promise<boolean> {
    const query = `wait_for_nodes=${this.nodes.length}&wait_for_status=yellow&wait_for_events=languid&timeout=5s`;
    const security = this.place.security ? '/.security-7' : '';
    for (const path of [`/_cluster/health?${query}`, '/_license', `/_cluster/health${security}?${query}`]) {
      const { status } = await this.raw('GET', path, undefined, { timeout: 10_000 });
      if (status !== 200) return false;
    }
    return true;
  }

  /**
   * Calls the cluster as `user` and answers the parsed body.
   * @param body sent as JSON; a string as it is
   * @throws when the status is 300 or more, with the body
   */
  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<unknown> {
    const answer = await this.raw(method, path, body, options);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path} on ${this.name}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 800)}`);
  }

  /** Has the calls from here trust another authority too, as clients have to before a node's HTTPS port serves a certificate of it. */
  async trust(pem: string): Promise<void> {
    this.#ca = `${this.#ca ?? (await readFile(this.caPath, 'utf8'))}\n${pem}`;
  }

  /** As `call`, whatever the status. */
  async raw(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<HttpAnswer> {
    const { node = 0, user = this.user, password = this.password, timeout, agent } = options;
    const base = this.nodes[node]?.url;
    if (base === undefined) throw new Error(`${this.name} has no node with index ${node}.`);
    if (base.startsWith('https:')) this.#ca ??= await readFile(this.caPath, 'utf8');
    const url = new URL(path, base);
    return sendRequest({
      url,
      method,
      user,
      password,
      body,
      ...(this.#ca ? { ca: this.#ca } : {}),
      ...(timeout ? { timeout } : {}),
      ...(agent ? { agent } : {}),
    });
  }
}

/** Something ended a node before its first word: a signal, or the kernel for want of memory. */
const silence = (): string => `nothing in its log, ${Math.round(freemem() / 2 ** 20)} MiB of memory free`;

/** Takes up a cluster that another process made and owns: `close` leaves it alone. */
export async function attachCluster(place: ClusterPlace): Promise<EsCluster> {
  return new EsCluster(place, await backingOf(place.backing));
}

/** The Docker backing is loaded only where it is used: testcontainers is a large module. */
export async function backingOf(kind: ClusterPlace['backing']): Promise<Backing> {
  return kind === 'maven' ? mavenBacking : (await import('./docker-backing.ts')).dockerBacking;
}
