import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import type { EsCluster } from '../../../elasticsearch/cluster.ts';
import { SearchLoop } from '../search-loop.ts';
import { standing } from '../standing.ts';
import { restarts } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';
import { refusedSignatures } from './signature-refusals.ts';

const ALIAS = 'signed';
const IDENTITY = 'CN=eu-signer,O=Example';
const SIGNED = ['--certificate-identity', IDENTITY];
/** How many searches at least go on over a change, and over turning it on. */
const SEARCHES = Number(process.env.SIGNED_SEARCHES ?? 30);
const MANY_SEARCHES = 1000;
/** So many clients at once, each asking node after node in turn: one alone makes ten searches a second. */
const MANY_CLIENTS = 5;
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

  /** Searches over the alias from both nodes while the run goes on, from before it until after it; answers how it ended and what failed. */
  const underSearches = async (change: () => Promise<Run>, { clients = 1, least = SEARCHES } = {}) => {
    const load = { cluster: bed().eu, index: `${ALIAS}:logs-*`, documents: DOCUMENTS };
    const loop = new SearchLoop(Array.from({ length: clients }, () => load));
    try {
      await loop.atLeast(clients);
      const { status } = await change();
      await loop.atLeast(least);
      const reports = await loop.stop();
      const sum = (of: 'searches' | 'retried'): number => reports.reduce((total, report) => total + report[of], 0);
      const failures = reports.flatMap((report) => report.failures);
      process.stderr.write(`${sum('searches')} searches, ${sum('retried')} retried, ${failures.length} failed\n`);
      return { status, failures, retried: sum('retried') };
    } finally {
      await loop.stop();
    }
  };
  /** A search that a node answers with an error counts as retried. */
  const clean = { status: 'succeeded', failures: [], retried: 0 };

  test('it is turned on for a connection that works, and no search fails', { timeout: LIMIT_MS }, async () => {
    const { eu, us, fleet } = bed();
    before = await standing(eu, us);
    started = restarts(us, eu);
    expect(await connect()).toMatchObject({ status: 'succeeded' });
    connected = await standing(eu, us);
    const many = { clients: MANY_CLIENTS, least: MANY_SEARCHES };
    expect(await underSearches(() => connect(...SIGNED), many)).toEqual(clean);
    expect(restarts(us, eu)).toEqual(started);
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

  test('a signature that is refused is told with what to do', { timeout: LIMIT_MS }, async () => {
    const { eu, us, fleet } = bed();
    const [key] = (await fleet.json<KeyView[]>(['api-keys', 'list'])).filter(({ connections }) =>
      connections.includes(`eu/${ALIAS}`),
    );
    const told = async () => {
      const { stdout } = await fleet.cli(['connections', 'check', 'eu', ALIAS, '--json']);
      return (JSON.parse(stdout) as ConnectionView[])[0]?.proof.map(({ error, hint }) => [error, hint]);
    };
    const answers = await refusedSignatures(bed(), { alias: ALIAS, key: key?.id ?? '' }, told);
    await us.call('PUT', `/_security/cross_cluster/api_key/${key?.id}`, { certificate_identity: IDENTITY });
    const bothNodes = (error: string, hint: string) =>
      [0, 1].map(() => [expect.stringContaining(error), expect.stringContaining(hint)]);
    const untrusted = bothNodes('Failed to verify cross cluster api key signature certificate', 'says the same of all');
    expect(answers).toEqual({
      good: [
        [null, null],
        [null, null],
      ],
      subject: bothNodes('DN from provided certificate [CN=by-hand] does not match', 'another than the key demands'),
      ended: untrusted,
      key: bothNodes('Invalid cross cluster api key signature', 'does not belong to its certificate'),
      trust: untrusted,
    });
    expect(await crossings(eu)).toEqual(['ok', 'ok']);
  });

  test('its certificates become ones of another subject and CA, no search fails, and that is taken back', {
    timeout: LIMIT_MS,
  }, async () => {
    const { eu, us, fleet } = bed();
    const first = await standing(eu, us);
    const other = ['--certificate-identity', 'CN=other-signer,O=Example', '--signing-ca', 'other-signing'];
    let run: Run | undefined;
    expect(
      await underSearches(async () => {
        run = await connect(...other);
        return run;
      }),
    ).toEqual(clean);
    expect((await signers()).map(({ node, subject, issuer, level }) => [node, subject, issuer, level])).toEqual([
      ['eu-1', 'CN=other-signer,O=Example', 'CN=other-signing', 'ok'],
      ['eu-2', 'CN=other-signer,O=Example', 'CN=other-signing', 'ok'],
    ]);
    expect(await connect(...other)).toMatchObject({ steps: [] });
    const back = ['runs', 'rollback', run?.runId ?? '', '--yes'];
    expect(await underSearches(() => fleet.json<Run>(back))).toEqual(clean);
    expect(await standing(eu, us)).toEqual(first);
    expect(await connect(...SIGNED)).toMatchObject({ steps: [] });
    expect(restarts(us, eu)).toEqual(started);
  });

  test('the CA that signs them is replaced, and no search fails', { timeout: LIMIT_MS }, async () => {
    const { eu, us, fleet } = bed();
    expect(await underSearches(() => fleet.json<Run>(['ca', 'rotate', 'eu-signing', '--yes']))).toEqual(clean);
    expect((await signers()).map(({ issuer, subject, level }) => [issuer, subject, level])).toEqual([
      ['CN=eu-signing-2', IDENTITY, 'ok'],
      ['CN=eu-signing-2', IDENTITY, 'ok'],
    ]);
    const files = us.nodes.map(({ configDir }) => readFileSync(join(configDir, 'remora-signing-cas.crt'), 'utf8'));
    expect(files.map((text) => text.split('BEGIN CERTIFICATE').length - 1)).toEqual([1]);
    expect(await connect(...SIGNED)).toMatchObject({ steps: [] });
    expect(restarts(us, eu)).toEqual(started);
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
