import { sign } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { type JoinRequest, type JoinResponse, joinProof } from '@remora/shared/protocol/enrol.ts';
import { parseJoinToken } from '@remora/shared/protocol/join-token.ts';
import { paths } from '@remora/shared/protocol/limits.ts';
import { type FromAgent, type FromCoordinator, parseFromCoordinator } from '@remora/shared/protocol/messages.ts';
import type { Hello } from '@remora/shared/protocol/session.ts';
import { WebSocket } from 'ws';
import { generateRsaKeyPair, type KeyPair } from '../../coordinator/src/pki/keys.ts';
import type { GatewayFleet, TestCoordinator } from './gateway-fleet.ts';

/** What an agent holds after it joined. */
export interface Credentials {
  readonly name: string;
  readonly cluster: string;
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  readonly storeId: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Posts JSON (or text as it is) with the fleet CA trusted. */
export async function post(url: string, ca: string, body: unknown): Promise<Answer> {
  const posting = request(url, { method: 'POST', ca, headers: { 'content-type': 'application/json' }, agent: false });
  posting.end(typeof body === 'string' ? body : JSON.stringify(body));
  const [response] = await once(posting, 'response');
  return { status: response.statusCode, body: JSON.parse(await text(response)) as Record<string, unknown> };
}

export interface JoinWish {
  readonly token: string;
  readonly name: string;
  readonly keys: KeyPair;
  readonly configDir?: string;
  readonly pid?: number | null;
}

export function joinRequest({
  token,
  name,
  keys,
  configDir = '/etc/elasticsearch',
  pid = 4711,
}: JoinWish): JoinRequest {
  const { id, secret } = parseJoinToken(token);
  const proof = Buffer.from(joinProof(id, name, keys.publicKeyPem));
  return {
    ...{ version: 1, tokenId: id, tokenSecret: secret, name, agentVersion: '0.1.0', publicKeyPem: keys.publicKeyPem },
    signature: sign('sha256', proof, keys.privateKeyPem).toString('base64'),
    elasticsearch: { nodeName: name, url: 'https://localhost:9200', configDir, home: '/usr/share/elasticsearch', pid },
  };
}

/** Joins a node with a fresh token, and answers what the agent then holds. */
export async function joinAgent(
  fleet: GatewayFleet,
  { gateway, url }: TestCoordinator,
  { cluster = 'us', ...more }: Partial<JoinWish> & { readonly name: string; readonly cluster?: string },
): Promise<Credentials> {
  const { token } = await gateway.tokens.create({ cluster, ttlMs: 60_000, uses: 1 });
  const keys = more.keys ?? (await generateRsaKeyPair(2048));
  const ca = fleet.fleetCa.certificatePem;
  const { status, body } = await post(`${url}${paths.join}`, ca, joinRequest({ token, ...more, keys }));
  if (status !== 200) throw Object.assign(new Error(String(body.detail)), { code: body.code, status });
  const { certificatePem: cert, storeId, name } = body as JoinResponse;
  return { name, cluster, key: keys.privateKeyPem, cert, ca, storeId };
}

/** A client that speaks the agent's side of the protocol and nothing more: tests decide what it answers. */
export class WireAgent {
  readonly credentials: Credentials;
  readonly socket: WebSocket;
  /** Everything that came, in order. */
  readonly received: FromCoordinator[] = [];
  /** How the socket was closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket, credentials: Credentials) {
    this.socket = socket;
    this.credentials = credentials;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      this.received.push(parseFromCoordinator(data.toString()));
      for (const look of this.#waiting) look();
    });
  }

  /** Opens the socket without a word; throws when the upgrade is refused, with its status and problem. */
  static async dial(url: string, credentials: Credentials): Promise<WireAgent> {
    const { ca, cert, key } = credentials;
    const socket = new WebSocket(`${url.replace('https', 'wss')}${paths.session}`, { ca, cert, key });
    const agent = new WireAgent(socket, credentials);
    await new Promise<void>((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
      socket.on('unexpected-response', async (_request, response) => {
        const problem = JSON.parse(await text(response)) as Record<string, unknown>;
        reject(Object.assign(new Error(String(problem.detail)), { status: response.statusCode, problem }));
      });
    });
    return agent;
  }

  /** Dials, says hello and waits for the welcome. */
  static async connect(url: string, credentials: Credentials, hello: Partial<Hello> = {}): Promise<WireAgent> {
    const agent = await WireAgent.dial(url, credentials);
    agent.hello(hello);
    await agent.next('welcome');
    return agent;
  }

  hello(more: Partial<Hello> = {}): void {
    const { name, cluster, storeId } = this.credentials;
    const elasticsearch = { running: true, configDir: '/etc/elasticsearch', pid: 4711 };
    const hello = { type: 'hello' as const, version: 1, agentVersion: '0.1.0', name, cluster, storeId, fence: 0 };
    this.send({ ...hello, elasticsearch, ...more });
  }

  /** Sends a message, or a frame as it is. */
  send(message: FromAgent | string | Buffer): void {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  beat(delivery: string | null = null): void {
    this.send({ type: 'heartbeat', running: true, pid: 4711, delivery });
  }

  /** The first message of a type that was not taken yet. */
  async next<T extends FromCoordinator['type']>(type: T): Promise<Extract<FromCoordinator, { type: T }>> {
    for (;;) {
      const index = this.received.findIndex((message) => message.type === type);
      const [found] = index < 0 ? [] : this.received.splice(index, 1);
      if (found) return found as Extract<FromCoordinator, { type: T }>;
      const come = Promise.withResolvers<void>();
      this.#waiting.add(come.resolve);
      const gone = this.closed.then(({ code, reason }) => {
        throw new Error(`the socket was closed with ${code} "${reason}" while ${type} was waited for`);
      });
      await Promise.race([come.promise, gone]).finally(() => this.#waiting.delete(come.resolve));
    }
  }

  /** Answers every delivery with a result of these values. */
  answerAll(results: (id: string) => unknown[]): void {
    const loop = async (): Promise<void> => {
      for (;;) {
        const { id } = await this.next('deliver');
        this.send({ type: 'result', id, outcome: 'done', results: results(id), error: null });
      }
    };
    void loop().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
