import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { createCluster } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { skipsLongTests } from '../../support/long-tests.ts';
import { SearchLoop } from '../connect/search-loop.ts';
import { servedAt } from '../connect/served.ts';
import { standing } from '../connect/standing.ts';
import { fill, restarts } from '../connect/traces.ts';

const DOCUMENTS = 20;
const CA = 'us-nodes';
const placing = (purpose: string): string[] => ['certs', 'place', '--cluster', 'us', '--purpose', purpose, '--ca', CA];
const placingFile = (purpose: string): string[] => [...placing(purpose), '--format', 'pkcs12'];

const PASSPHRASE = 'correct-horse';

/** Three nodes, of which the first has a key with a passphrase on its HTTP port. */
const startWithEncryptedKey = async (): Promise<EsCluster> => {
  const keystoreEntries = { 'xpack.security.http.ssl.secure_key_passphrase': PASSPHRASE };
  const cluster = await createCluster({ name: 'us', nodes: 3, keystoreEntries });
  try {
    const key = join(cluster.nodes[0]?.configDir ?? '', 'http.key');
    const args = ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-in', key, '-passout', `pass:${PASSPHRASE}`];
    await writeFile(key, execFileSync('openssl', args));
    await cluster.start();
    await cluster.waitUntilReady();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
};

describe.skipIf(skipsLongTests)(
  `certificates of the nodes' own ports, ${await newestVersionHere()}, three nodes`,
  () => {
    const stack = new AsyncDisposableStack();
    let us: EsCluster;
    let fleet: Fleet;
    let before: Awaited<ReturnType<typeof standing>>;

    beforeAll(async () => {
      [fleet, us] = await Promise.all([Fleet.start(), startWithEncryptedKey()]);
      for (const one of [us, fleet]) stack.use(one);
      await Promise.all([fill(us, 'logs-1', DOCUMENTS), fleet.add(us)]);
      await fleet.json(['ca', 'create', CA, '--common-name', 'Nodes of us']);
      // As the plan says of clients.
      await us.trust((await fleet.cli(['ca', 'export', CA])).stdout);
      before = await standing(us);
    });

    afterAll(() => stack.disposeAsync());

    const rows = async (purpose: string): Promise<CertificateView[]> =>
      (await fleet.json<CertificateView[]>(['certs', 'list', '--cluster', 'us']))
        .filter((row) => row.purpose === purpose)
        .sort((a, b) => a.node.localeCompare(b.node));
    const ports = (purpose: 'transportPort' | 'httpPort') =>
      Promise.all(us.nodes.map((node) => servedAt(node[purpose])));
    const each = (count: number) => Object.fromEntries(us.nodes.map(({ name }) => [name, count]));
    /** Carries a command out while the cluster is searched. */
    const underLoad = async (command: readonly string[]): Promise<Run> => {
      const load = new SearchLoop([{ cluster: us, index: 'logs-1', documents: DOCUMENTS }]);
      try {
        return await fleet.json<Run>([...command, '--yes']);
      } finally {
        const [report] = await load.stop();
        expect(report?.failures).toEqual([]);
      }
    };

    let transport: Run;

    test('transport: trusted everywhere first, then served, one node before the others, under search load', async () => {
      const plan = JSON.parse((await fleet.cli([...placingFile('transport'), '--check', '--json'])).stdout) as Plan;
      expect(plan.stages.map(({ id }) => id)).toEqual([
        ...['trust-roll', 'trust-verify', 'issue', 'first-roll', 'first-verify', 'roll', 'verify'],
      ]);
      expect(await standing(us)).toEqual(before);
      transport = await underLoad(placingFile('transport'));
      expect([transport.status, restarts(us)]).toEqual(['succeeded', each(2)]);
      const listed = await rows('transport');
      expect(listed.map(({ ca, served, managed, findings }) => ({ ca, served, managed, findings }))).toEqual(
        us.nodes.map(() => ({ ca: CA, served: true, managed: true, findings: [] })),
      );
      expect(await ports('transportPort')).toEqual(listed.map(({ fingerprint256 }) => fingerprint256));
      expect((await fleet.cli([...placingFile('transport'), '--check'])).code).toBe(0);
    }, 1_500_000);

    let http: readonly Run[];

    test('HTTP of one node, in its PEM files: key, encrypted as before, and certificate change together, and nothing restarts; also one made elsewhere', async () => {
      const starts = restarts(us);
      const locked = await fleet.cli([...placing('http'), '--node', 'us-1', '--yes']);
      expect([locked.code, locked.stderr]).toEqual([64, expect.stringContaining('secrets set key-passphrase/us ')]);
      await writeFile(join(fleet.directory, 'passphrase'), `${PASSPHRASE}\n`);
      await fleet.json(['secrets', 'set', 'key-passphrase/us', '--file', join(fleet.directory, 'passphrase')]);
      const placed = await underLoad([...placing('http'), '--node', 'us-1']);
      expect([placed.status, placed.restarts, restarts(us)]).toEqual(['succeeded', [], starts]);
      const row = async () => (await rows('http')).find(({ node }) => node === 'us-1');
      const first = await row();
      expect(first).toMatchObject({
        ca: CA,
        path: 'http.crt',
        served: true,
        managed: true,
        findings: [],
      });
      const key = await readFile(join(us.nodes[0]?.configDir ?? '', 'http.key'), 'utf8');
      expect(key).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
      const port = () => servedAt(us.nodes[0]?.httpPort ?? 0);
      expect(await port()).toBe(first?.fingerprint256);

      const at = (name: string): string => join(fleet.directory, name);
      const issue = (out: string, ...sans: string[]) =>
        fleet.json<{ fingerprint256: string }[]>([
          ...['certs', 'issue', '--ca', CA, '--purpose', 'http', '--name', 'us-1', '--out', at(out)],
          ...sans.flatMap((san) => ['--san', san]),
        ]);
      await issue('strange', 'us-9.example.com');
      const giving = (out: string) => [...placing('http'), '--node', 'us-1', '--files', at(out)];
      const refused = await fleet.cli([...giving('strange'), '--yes']);
      expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('it names DNS:us-9.example.com')]);
      const [made] = await issue('given', 'localhost', '127.0.0.1');
      const given = await underLoad(giving('given'));
      expect([given.status, given.restarts, await port()]).toEqual(['succeeded', [], made?.fingerprint256]);
      expect((await fleet.cli([...giving('given'), '--check'])).code).toBe(0);
      http = [given, placed];
    }, 1_500_000);

    test('replaced without a restart, with new passwords with one, and all of it taken back byte by byte, served before trusted', async () => {
      const [were, starts] = [[...(await ports('transportPort')), ...(await ports('httpPort'))], restarts(us)];
      const rotated = await underLoad(['certs', 'rotate', '--cluster', 'us']);
      expect([rotated.status, rotated.restarts, restarts(us)]).toEqual(['succeeded', [], starts]);
      const are = [...(await ports('transportPort')), ...(await ports('httpPort'))];
      // Those of the HTTP ports of the other two nodes are not Remora's.
      expect(new Set([...were, ...are]).size).toBe(3 + 3 + 2 + 2);
      const renewed = await underLoad(['certs', 'rotate', '--node', 'us-2', '--new-password']);
      expect([renewed.status, renewed.restarts]).toEqual(['succeeded', ['us-2']]);
      expect(restarts(us)).toEqual({ ...starts, 'us-2': (starts['us-2'] ?? 0) + 1 });
      for (const { runId } of [renewed, rotated, ...http]) await underLoad(['runs', 'rollback', runId]);
      const back = await underLoad(['runs', 'rollback', transport.runId]);
      expect(back.status).toBe('succeeded');
      expect(await standing(us)).toEqual(before);
      expect(await rows('transport')).toMatchObject(us.nodes.map(() => ({ managed: false, served: true })));
    }, 1_500_000);
  },
);
