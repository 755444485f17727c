import { setTimeout as sleep } from 'node:timers/promises';
import { connect as dial } from 'node:tls';
import type { Run } from '@remora/shared/model/run.ts';
import type { ScheduleView } from '@remora/shared/model/schedule.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { SearchLoop } from './search-loop.ts';
import { fill, restarts } from './traces.ts';

const LIFE_MS = 120_000;
const DOCUMENTS = 10;
const LOOK_MS = 500;

/** A certificate as a handshake found it. */
interface Seen {
  readonly fingerprint: string;
  readonly endsMs: number;
  /** The last moment at which it was seen, and how long it had left then. */
  readonly lastLeftMs: number;
}

const servedNow = (port: number): Promise<Pick<Seen, 'fingerprint' | 'endsMs'>> =>
  new Promise((resolve, reject) => {
    const socket = dial({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { fingerprint256, valid_to: end } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ fingerprint: fingerprint256, endsMs: Date.parse(end) });
    });
    socket.on('error', reject);
  });

/** Looks twice a second at what a port serves, until it is stopped; answers the certificates in their order. */
const watchServed = (port: number) => {
  const seen: Seen[] = [];
  let isStopped = false;
  const loop = async (): Promise<void> => {
    for (; !isStopped; await sleep(LOOK_MS)) {
      const served = await servedNow(port);
      const one = { ...served, lastLeftMs: served.endsMs - Date.now() };
      if (seen.at(-1)?.fingerprint === one.fingerprint) seen.pop();
      seen.push(one);
    }
  };
  const ended = loop();
  return {
    seen,
    async stop() {
      isStopped = true;
      await ended;
      return seen;
    },
  };
};

describe(`certificates of two minutes on 8.19.21, to which ${await newestVersionHere()} connects`, () => {
  const stack = new AsyncDisposableStack();
  let us: EsCluster;
  let eu: EsCluster;
  let fleet: Fleet;

  beforeAll(async () => {
    const [started, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({ name: 'us', version: '8.19.21' }, { name: 'eu' }),
    ]);
    fleet = started;
    [us, eu] = clusters as [EsCluster, EsCluster];
    for (const one of [us, eu, fleet]) stack.use(one);
    await fill(us, 'logs-1', DOCUMENTS);
    for (const cluster of [us, eu]) await fleet.add(cluster);
    const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--accept-outage', '--yes'];
    expect(await fleet.json<Run>(connect)).toMatchObject({ status: 'succeeded' });
  });

  afterAll(() => stack.disposeAsync());

  test('are renewed by their schedule before they end, twice in a row, while searches go on', async () => {
    const port = us.nodes[0]?.remoteClusterPort ?? 0;
    const load = new SearchLoop([{ cluster: eu, index: 'us:logs-1', documents: DOCUMENTS }]);
    stack.defer(async () => void (await load.stop()));
    const rotated = await fleet.json<Run>(['certs', 'rotate', '--cluster', 'us', '--validity', '2m', '--yes']);
    expect(rotated).toMatchObject({ status: 'succeeded', restarts: [] });
    const watch = watchServed(port);
    stack.defer(async () => void (await watch.stop()));
    const often = ['--cron', '*/15 * * * * *', '--do', 'rotate-expiring', '--expiring', '90s', '--cluster', 'us'];
    await fleet.json(['schedules', 'add', 'often', ...often]);
    while (watch.seen.length < 3) await sleep(LOOK_MS);
    await fleet.json(['schedules', 'pause', 'often']);
    const [seen, reports] = [await watch.stop(), await load.stop()];

    for (const { lastLeftMs } of seen) expect(lastLeftMs).toBeGreaterThan(0);
    for (const [i, { endsMs }] of seen.entries()) {
      const before = seen[i - 1];
      // Each lives as long as the one before, and begins while that one lives.
      if (before) expect(endsMs - LIFE_MS).toBeLessThan(before.endsMs);
    }
    expect(reports).toMatchObject([{ failures: [], retried: 0 }]);
    expect(reports[0]?.searches).toBeGreaterThan(0);
    expect(restarts(us, eu)).toEqual({ 'us-1': 1, 'eu-1': 1 });
    const runs = (await fleet.json<Run[]>(['runs', 'list'])).filter(({ actor }) => actor === 'schedule:often');
    expect(runs.length).toBeGreaterThanOrEqual(2);
    for (const run of runs.slice(-2))
      expect(run).toMatchObject({ workflow: 'rotate-certificates', status: 'succeeded', restarts: [] });
    const [schedule] = await fleet.json<ScheduleView[]>(['schedules', 'list']);
    expect(schedule).toMatchObject({ name: 'often', paused: true, nextRuns: [] });
    const left = seen.map(({ lastLeftMs }) => `${Math.round(lastLeftMs / 1000)} s`).join(', ');
    console.info(`${reports[0]?.searches} searches; left when last seen: ${left}`);
  }, 300_000);
});
