import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect } from 'vitest';
import type { CaView } from '../../../coordinator/src/http/schemas/ca-view.ts';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import type { Fleet } from '../../support/fleet.ts';
import { SearchLoop } from './search-loop.ts';
import { servedBy } from './served.ts';
import { standing } from './standing.ts';
import { restarts } from './traces.ts';

/** Two clusters that are connected: `eu` searches `us`. */
export interface RotationBed {
  readonly fleet: Fleet;
  readonly us: EsCluster;
  readonly eu: EsCluster;
  /** How often each node was restarted so far. */
  readonly made: Record<string, number>;
  /** The plan of a command, which changes nothing. */
  readonly checked: (command: readonly string[]) => Promise<Plan>;
  readonly documents: number;
  readonly stack: AsyncDisposableStack;
}

const BUNDLE = 'remora-remote-cluster-cas.crt';

const servedByAll = ({ us }: Pick<RotationBed, 'us'>): Promise<string[]> => Promise.all(us.nodes.map(servedBy));

/** Elasticsearch looks at its files every few seconds. */
const isServedAgain = async (bed: Pick<RotationBed, 'us'>, before: readonly string[]): Promise<void> => {
  while (JSON.stringify(await servedByAll(bed)) !== JSON.stringify(before)) await sleep(500);
};

const searching = ({ eu, documents, stack }: RotationBed, clients: number): SearchLoop => {
  const load = new SearchLoop(Array.from({ length: clients }, () => ({ cluster: eu, index: 'us:logs-1', documents })));
  stack.defer(async () => void (await load.stop()));
  return load;
};

export const certificatesAreReplaced = async (bed: RotationBed): Promise<void> => {
  const { fleet, us, eu, made, checked } = bed;
  const listed = async (): Promise<CertificateView[]> => {
    const all = await fleet.json<CertificateView[]>(['certs', 'list', '--cluster', 'us']);
    // Those of the test's own CA, by openssl, are judged too, and found good.
    expect(all.filter(({ level, key }) => level !== 'ok' || key === null)).toEqual([]);
    return all
      .filter(({ purpose }) => purpose === 'remote_cluster_server')
      .sort((a, b) => a.node.localeCompare(b.node));
  };
  const [before, without] = [await servedByAll(bed), await standing(us, eu)];
  const serving = { served: true, managed: true, ca: 'us-remote', keyMatches: true, findings: [] };
  const rows = (fingerprints: readonly string[]) =>
    us.nodes.map(({ name }, i) => ({ ...serving, node: name, fingerprint256: fingerprints[i] }));
  expect(await listed()).toMatchObject(rows(before));

  const rotate = ['certs', 'rotate', '--cluster', 'us'];
  expect((await checked(rotate)).restarts).toEqual([]);
  const load = searching(bed, 1);
  const run = await fleet.json<Run>([...rotate, '--validity', '90d', '--yes']);
  const reports = await load.stop();
  expect([run.status, run.restarts, restarts(us, eu)]).toEqual(['succeeded', [], made]);
  expect(reports).toMatchObject([{ failures: [], retried: 0 }]);
  const fresh = await servedByAll(bed);
  expect([...before, ...fresh].length).toBe(new Set([...before, ...fresh]).size);
  expect(await listed()).toMatchObject(rows(fresh).map((row) => ({ ...row, daysLeft: 89 })));

  const back = await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes']);
  expect(back).toMatchObject({ status: 'succeeded', restarts: [] });
  await isServedAgain(bed, before);
  expect(await standing(us, eu)).toEqual(without);
  expect(await listed()).toMatchObject(rows(before));
  expect(restarts(us, eu)).toEqual(made);
};

export const untrustedIsTakenBack = async (bed: RotationBed): Promise<void> => {
  const { fleet, us, eu, made } = bed;
  const [before, without] = [await servedByAll(bed), await standing(us, eu)];
  const bundle = join(eu.nodes.find(({ name }) => name === 'eu-1')?.configDir ?? '', BUNDLE);
  const trusted = readFileSync(bundle);
  const answer = await fleet.cli(['certs', 'rotate', '--cluster', 'us', '--yes', '--json'], {
    onLine: (line) => {
      if (line.includes('waiting until it is served')) writeFileSync(bundle, readFileSync(us.caPath));
    },
  });
  expect(answer.code, answer.stderr).toBe(1);
  let runs: Run[] = [];
  do {
    await sleep(500);
    runs = await fleet.json<Run[]>(['runs', 'list', '--limit', '2']);
  } while (runs[0]?.workflow !== 'rollback' || runs[0].status !== 'succeeded');
  expect(runs[1]).toMatchObject({
    ...{ workflow: 'rotate-certificates', status: 'rolled_back', restarts: [] },
    error: {
      message: expect.stringMatching(
        /^Node eu-1 of cluster eu could connect to us-1 before, and cannot any more: it does not trust what 127\.0\.0\.1:\d+ serves/,
      ),
    },
  });
  const placed = runs[1]?.steps.filter(({ kind }) => kind === 'node.change').map(({ status }) => status);
  expect(placed).toEqual(['succeeded', 'pending', 'pending']);
  writeFileSync(bundle, trusted);
  await isServedAgain(bed, before);
  expect(await standing(us, eu)).toEqual(without);
  expect(restarts(us, eu)).toEqual(made);
};

const LEAST_SEARCHES = 1000;

/** The CAs that each node's process finds in its bundle, by its own API. */
const trustedBy = (cluster: EsCluster): Promise<string[]> =>
  Promise.all(
    cluster.nodes.map(async (_, node) => {
      const all = await cluster.call('GET', '/_ssl/certificates', undefined, { node });
      const found = (all as { path: string; subject_dn: string }[]).filter(({ path }) => path.endsWith(BUNDLE));
      return found.map(({ subject_dn }) => subject_dn).join('; ');
    }),
  );

/** A rotation of a CA and its rollback: what each leaves. */
export const caIsRotated = async (
  { fleet, us, eu, made }: Pick<RotationBed, 'fleet' | 'us' | 'eu' | 'made'>,
  beforeRollback: () => Promise<void> = async () => {},
): Promise<Run> => {
  const before = await servedByAll({ us });
  const run = await fleet.json<Run>(['ca', 'rotate', 'us-remote', '--yes']);
  expect([run.status, run.restarts, run.workflow]).toEqual(['succeeded', [], 'rotate-ca']);
  const fresh = await servedByAll({ us });
  expect(new Set([...before, ...fresh]).size).toBe(before.length * 2);
  expect(await trustedBy(eu)).toEqual(eu.nodes.map(() => 'CN=us-remote-2'));
  const [old, next] = await fleet.json<CaView[]>(['ca', 'list']);
  expect([old, next]).toMatchObject([
    { name: 'us-remote', usedBy: [], hasKey: true, successor: 'us-remote-2', retiredAt: expect.any(String) },
    { name: 'us-remote-2', usedBy: [...us.nodes.map(({ name }) => `us/${name}`), 'eu us'] },
  ]);
  await beforeRollback();
  const back = await fleet.json<Run>(['runs', 'rollback', run.runId, '--yes']);
  expect([back.status, back.restarts]).toEqual(['succeeded', []]);
  expect(await servedByAll({ us })).toEqual(before);
  expect(await fleet.json<CaView[]>(['ca', 'list'])).toMatchObject([{ name: 'us-remote', hasKey: true }]);
  expect((await fleet.json<CaView[]>(['ca', 'list']))[0]).not.toHaveProperty('successor');
  expect(restarts(us, eu)).toEqual(made);
  return run;
};

export const caIsReplaced = async (bed: RotationBed): Promise<void> => {
  const { fleet, us, eu, checked } = bed;
  const without = await standing(us, eu);
  const plan = await checked(['ca', 'rotate', 'us-remote']);
  expect(plan).toMatchObject({ restarts: [], outages: [], warnings: [], title: 'Replace CA us-remote by us-remote-2' });
  const load = searching(bed, 6);
  const run = await caIsRotated(bed, async () => {
    const nodes = await fleet.cli(['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--check']);
    expect(nodes.code, nodes.stderr).toBe(0);
  });
  expect(run.steps.map(({ status }) => status)).toEqual(run.steps.map(() => 'succeeded'));
  await load.atLeast(LEAST_SEARCHES);
  const reports = await load.stop();
  expect(reports.flatMap(({ failures, retried }) => [...failures, ...(retried > 0 ? [retried] : [])])).toEqual([]);
  expect(await standing(us, eu)).toEqual(without);
};
