import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import type { EsCluster } from '../../../elasticsearch/cluster.ts';
import { SearchLoop } from '../search-loop.ts';
import { standing } from '../standing.ts';
import { restarts } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';

const ALIAS = 'signed';
const IDENTITY = 'CN=eu-signer,O=Example';
const SIGNED = ['--certificate-identity', IDENTITY];
/** How many searches at least go on over each change. */
const SEARCHES = Number(process.env.SIGNED_SEARCHES ?? 30);
const LIMIT_MS = 120_000;

interface Answers {
  readonly [alias: string]: { readonly connected: boolean; readonly error?: string };
}

/** What each node is told when it crosses the connection; `ok` where it is let in. */
const crossings = (eu: EsCluster): Promise<string[]> =>
  Promise.all(
    eu.nodes.map(async (_, node) => {
      const answers = (await eu.call('GET', `/_resolve/cluster/${ALIAS}:*`, undefined, { node })) as Answers;
      return answers[ALIAS]?.error ?? (answers[ALIAS]?.connected ? 'ok' : 'not connected');
    }),
  );

/** Strong identity verification: the local cluster signs what it asks, and the key lets nobody in without. */
export const identitySuite = (bed: () => Bed): void => {
  let before: Awaited<ReturnType<typeof standing>>;
  let connected: typeof before;
  let started: Record<string, number>;
  let turnedOff: Run;

  const connect = (...more: string[]): Promise<Run> =>
    bed().fleet.json<Run>(['connect', 'eu', 'us', '--alias', ALIAS, '--search', 'logs-*', ...more, '--yes']);

  const signers = async (): Promise<CertificateView[]> =>
    (await bed().fleet.json<CertificateView[]>(['certs', 'list']))
      .filter(({ purpose }) => purpose === 'remote_cluster_signing')
      // The list begins with what ends first, which of two certificates of one run is either.
      .sort((a, b) => ((a.node ?? '') < (b.node ?? '') ? -1 : 1));

  /** Searches over the alias from both nodes while the run goes on; answers how it ended and what failed. */
  const underSearches = async (change: () => Promise<Run>) => {
    const loop = new SearchLoop([{ cluster: bed().eu, index: `${ALIAS}:logs-*`, documents: DOCUMENTS }]);
    try {
      const { status } = await change();
      await loop.atLeast(SEARCHES);
      const [report] = await loop.stop();
      process.stderr.write(
        `${report?.searches} searches, ${report?.retried} retried, ${report?.failures.length} failed\n`,
      );
      return { status, failures: report?.failures };
    } finally {
      await loop.stop();
    }
  };
  const clean = { status: 'succeeded', failures: [] };

  test('it is turned on for a connection that works, and no search fails', { timeout: LIMIT_MS }, async () => {
    const { eu, us, fleet } = bed();
    before = await standing(eu, us);
    started = restarts(us, eu);
    expect(await connect()).toMatchObject({ status: 'succeeded' });
    connected = await standing(eu, us);
    expect(await underSearches(() => connect(...SIGNED))).toEqual(clean);
    const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', ALIAS]);
    expect(view?.proof.map(({ state }) => state)).toEqual(['ok', 'ok']);
  });

  test('nobody is let in without a signature, and the same command has requests signed again', {
    timeout: LIMIT_MS,
  }, async () => {
    const { eu } = bed();
    const persistent = { [`cluster.remote.${ALIAS}.signing.keystore.path`]: null };
    await eu.call('PUT', '/_cluster/settings', { persistent });
    const refusal = `requires certificate identity matching [${IDENTITY}], but no certificate was provided`;
    expect(await crossings(eu)).toEqual([expect.stringContaining(refusal), expect.stringContaining(refusal)]);
    expect(await connect(...SIGNED)).toMatchObject({ status: 'succeeded' });
    expect(await crossings(eu)).toEqual(['ok', 'ok']);
  });

  test('its certificates are listed and renewed, and no search fails', { timeout: LIMIT_MS }, async () => {
    const first = await signers();
    expect(first.map(({ node, subject, level }) => [node, subject, level])).toEqual([
      ['eu-1', IDENTITY, 'ok'],
      ['eu-2', IDENTITY, 'ok'],
    ]);
    const rotate = ['certs', 'rotate', '--cluster', 'eu', '--yes'];
    expect(await underSearches(() => bed().fleet.json<Run>(rotate))).toEqual(clean);
    const serials = (await signers()).map(({ serial }) => serial);
    expect(serials).toHaveLength(2);
    for (const { serial } of first) expect(serials).not.toContain(serial);
  });

  test('it is turned off, no search fails, and nothing of it is left', { timeout: LIMIT_MS }, async () => {
    const { eu, us } = bed();
    expect(
      await underSearches(async () => {
        turnedOff = await connect();
        return turnedOff;
      }),
    ).toEqual(clean);
    expect(await standing(eu, us)).toEqual(connected);
    expect(await signers()).toEqual([]);
  });

  test('the run that turned it off is taken back, and disconnect leaves nothing of it', {
    timeout: LIMIT_MS,
  }, async () => {
    const { eu, us, fleet } = bed();
    const back = ['runs', 'rollback', turnedOff.runId, '--yes'];
    expect(await underSearches(() => fleet.json<Run>(back))).toEqual(clean);
    expect((await signers()).map(({ node, level }) => [node, level])).toEqual([
      ['eu-1', 'ok'],
      ['eu-2', 'ok'],
    ]);
    expect(await connect(...SIGNED)).toMatchObject({ steps: [] });
    expect(await fleet.json<Run>(['disconnect', 'eu', ALIAS, '--yes'])).toMatchObject({ status: 'succeeded' });
    expect(await standing(eu, us)).toEqual(before);
    expect(restarts(us, eu)).toEqual(started);
  });
};
