import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { attachCluster, type EsCluster } from './cluster.ts';
import { startClusters } from './create.ts';
import type { ClusterPlace } from './place.ts';

/** Two clusters of one node that suites share which change nothing in them; of the newest version that runs here. */
export interface SharedPair {
  /** HTTPS */
  us: EsCluster;
  /** plain HTTP */
  eu: EsCluster;
}

type Answer = { us: ClusterPlace; eu: ClusterPlace } | { error: string };

/** Names the socket to test processes. */
const SOCKET_VARIABLE = 'REMORA_SHARED_PAIR';

/**
 * The shared pair, started when somebody first asks for it; close it and nothing happens. Answers inside vitest, whose main
 * process owns the clusters.
 */
export async function sharedPair(): Promise<SharedPair> {
  const path = process.env[SOCKET_VARIABLE];
  if (path === undefined)
    throw new Error(`No ${SOCKET_VARIABLE}: the shared pair is there for tests of test/vitest.config.ts only.`);
  const answer = JSON.parse(await text(createConnection(path))) as Answer;
  if ('error' in answer) throw new Error(answer.error);
  return { us: await attachCluster(answer.us), eu: await attachCluster(answer.eu) };
}

/**
 * The shared pair for suites that join agents to it: a node has one agent, so they come one after the other. Dispose of what is answered once the agents are
 * gone.
 */
export async function sharedPairAlone(): Promise<SharedPair & Disposable> {
  const turn = createConnection(turnsOf(process.env[SOCKET_VARIABLE] ?? ''));
  await once(turn, 'data');
  return { ...(await sharedPair()), [Symbol.dispose]: () => turn.destroy() };
}

const turnsOf = (path: string): string => `${path}.turns`;

/** Whoever connects waits for a byte; the next one gets his when the connection of the one before is closed. */
const serveTurns = (path: string): Server => {
  const waiting: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // a test that gave up waiting
    socket.on('close', () => {
      const place = waiting.indexOf(socket);
      waiting.splice(place, 1);
      if (place === 0) waiting[0]?.write('.');
    });
    if (waiting.push(socket) === 1) socket.write('.');
  });
  return server.listen(turnsOf(path));
};

/** Vitest's global set-up of the integration project: serves the pair on a socket, and ends it afterwards. */
export default async function setup(): Promise<() => Promise<void>> {
  let clusters: Promise<EsCluster[]> | undefined;
  const server = createServer(async (socket) => {
    socket.on('error', () => undefined); // a test that gave up waiting
    clusters ??= startClusters({ name: 'shared-us' }, { name: 'shared-eu', http: 'http' });
    socket.end(JSON.stringify(await places(clusters)));
  });
  const path = join(tmpdir(), `remora-pair-${process.pid}.sock`);
  await unlink(path).catch(() => undefined);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  process.env[SOCKET_VARIABLE] = path;
  const turns = serveTurns(path);
  return async () => {
    server.close();
    turns.close();
    const started = await clusters?.catch(() => []);
    await Promise.all((started ?? []).map((cluster) => cluster.close()));
  };
}

async function places(clusters: Promise<EsCluster[]>): Promise<Answer> {
  try {
    const [us, eu] = await clusters;
    if (us === undefined || eu === undefined) throw new Error('the shared pair is no pair');
    return { us: us.place, eu: eu.place };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
