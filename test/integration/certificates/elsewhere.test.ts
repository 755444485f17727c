import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { Plan } from '@remora/shared/model/plan.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CaView } from '../../../coordinator/src/http/schemas/ca-view.ts';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import { Fleet } from '../../support/fleet.ts';
import { skipsLongTests } from '../../support/long-tests.ts';
import { SearchLoop } from '../connect/search-loop.ts';
import { servedAt } from '../connect/served.ts';
import { fill, restarts } from '../connect/traces.ts';

const DOCUMENTS = 10;

const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A connection whose certificates a corporate CA signs, here openssl: its key is never seen by Remora. */
describe.skipIf(skipsLongTests)(
  `certificates of a CA that is elsewhere, ${await newestVersionHere()} to 8.19.21`,
  () => {
    const stack = new AsyncDisposableStack();
    let us: EsCluster;
    let eu: EsCluster;
    let fleet: Fleet;

    const at = (name: string): string => join(fleet.directory, name);
    const remote = () => us.nodes[0]?.remoteClusterPort ?? 0;
    const fingerprintOf = (file: string): string =>
      openssl('x509', '-in', file, '-noout', '-fingerprint', '-sha256')
        .split('=')[1]
        ?.trim()
        .replaceAll(':', '')
        .toLowerCase() ?? '';

    /** A root, and a CA below it that signs. */
    const makeCa = (name: string): void => {
      const request = (what: string) => [
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        at(`${what}.key`),
        '-subj',
        `/CN=${what}`,
      ];
      openssl('req', '-x509', ...request(name), '-days', '90', '-out', at(`${name}.crt`));
      openssl('req', '-new', ...request(`${name}-issuing`), '-out', at('issuing.csr'));
      sign(at('issuing.csr'), at(`${name}-issuing.crt`), name, 'basicConstraints=critical,CA:TRUE,pathlen:0');
    };

    const sign = (csr: string, certificate: string, by: string, ...extensions: readonly string[]): void => {
      writeFileSync(at('extensions'), extensions.map((line) => `${line}\n`).join(''));
      const ca = ['-CA', at(`${by}.crt`), '-CAkey', at(`${by}.key`), '-days', '80', '-copy_extensions', 'copy'];
      openssl('x509', '-req', '-in', csr, ...ca, '-extfile', at('extensions'), '-out', certificate);
      if (by.endsWith('-issuing')) appendFileSync(certificate, execFileSync('cat', [at(`${by}.crt`)]));
    };

    /** A key and a certificate for us-1, as somebody else makes them; answers the directory. */
    const make = (directory: string, by: string, names = 'DNS:us-1,DNS:localhost'): string => {
      mkdirSync(at(directory));
      const file = (end: string): string => at(`${directory}/us-1.${end}`);
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')];
      openssl('req', '-new', ...key, '-subj', '/CN=us-1', '-addext', `subjectAltName=${names}`, '-out', file('csr'));
      sign(file('csr'), file('crt'), `${by}-issuing`, 'extendedKeyUsage=serverAuth');
      return at(directory);
    };

    /** Carries a command out while `eu` searches `us`: no search fails, and no node restarts. */
    const underLoad = async (command: readonly string[]): Promise<Run> => {
      const before = restarts(us, eu);
      const load = new SearchLoop([{ cluster: eu, index: 'us:logs-1', documents: DOCUMENTS }]);
      try {
        return await fleet.json<Run>([...command, '--yes']);
      } finally {
        expect(await load.stop()).toMatchObject([{ failures: [], retried: 0 }]);
        expect(restarts(us, eu)).toEqual(before);
      }
    };

    const listed = async (): Promise<CertificateView | undefined> =>
      (await fleet.json<CertificateView[]>(['certs', 'list', '--cluster', 'us'])).find(
        ({ purpose }) => purpose === 'remote_cluster_server',
      );

    beforeAll(async () => {
      const [started, clusters] = await Promise.all([
        Fleet.start(),
        startClusters(
          // Nodes that connect dial it by this name, and hold its certificate to that: none below names an address.
          { name: 'us', version: '8.19.21', settings: ['remote_cluster.publish_host: localhost'] },
          { name: 'eu', http: 'http' },
        ),
      ]);
      fleet = started;
      [us, eu] = clusters as [EsCluster, EsCluster];
      for (const one of [us, eu, fleet]) stack.use(one);
      await Promise.all([fill(us, 'logs-1', DOCUMENTS), fleet.add(us), fleet.add(eu)]);
      for (const name of ['corp', 'next']) {
        makeCa(name);
        await fleet.json(['ca', 'import', name, '--cert', at(`${name}.crt`)]);
      }
    });

    afterAll(() => stack.disposeAsync());

    const connecting = [
      'connect',
      'eu',
      'us',
      '--alias',
      'us',
      '--search',
      'logs-*',
      '--accept-outage',
      '--ca',
      'corp',
    ];

    test('a request goes out, comes back signed, and the connection is made with it', async () => {
      const without = await fleet.cli([...connecting, '--yes']);
      expect([without.code, without.stderr]).toEqual([64, expect.stringContaining('--files or --accepted')]);
      const missing = await fleet.cli([...connecting, '--accepted', '--yes']);
      expect([missing.code, missing.stderr]).toEqual([
        64,
        expect.stringContaining('server of node us-1 (cluster us): it is found by its name'),
      ]);
      const naming = ['--name', 'us-1', '--san', 'us-1', '--san', 'localhost'];
      await fleet.json([
        'certs',
        'csr',
        '--ca',
        'corp',
        '--purpose',
        'remote_cluster_server',
        ...naming,
        '--out',
        at('requests'),
      ]);
      sign(at('requests/us-1.csr'), at('us-1.crt'), 'corp-issuing', 'extendedKeyUsage=serverAuth');
      await fleet.json(['certs', 'accept', at('us-1.crt')]);
      const run = await fleet.json<Run>([...connecting, '--accepted', '--yes']);
      expect(run.status).toBe('succeeded');
      expect(await servedAt(remote())).toBe(fingerprintOf(at('us-1.crt')));
      expect(await listed()).toMatchObject({ ca: 'corp', managed: true, served: true, findings: [] });
      const dialled = openssl('s_client', '-connect', `127.0.0.1:${remote()}`, '-CAfile', at('corp.crt'));
      expect(dialled).toContain('Verify return code: 0 (ok)');
      for (const again of [[...connecting, '--accepted'], connecting.slice(0, -2)])
        expect((await fleet.cli([...again, '--check'])).code).toBe(0);
    });

    test('the next one is brought as files, served without a restart under search load, and taken back', async () => {
      const placing = ['certs', 'place', '--cluster', 'us', '--purpose', 'remote_cluster_server', '--ca', 'corp'];
      const strange = make('strange', 'corp', 'DNS:us-9.example.com');
      const refused = await fleet.cli([...placing, '--files', strange, '--yes']);
      expect([refused.code, refused.stderr]).toEqual([
        64,
        expect.stringContaining('it names DNS:us-9.example.com, and not'),
      ]);
      const untrusted = make('untrusted', 'next');
      const other = await fleet.cli([...placing.slice(0, -1), 'next', '--files', untrusted, '--yes']);
      expect([other.code, other.stderr]).toEqual([64, expect.stringContaining('`remora ca rotate corp --to next`')]);
      const before = await servedAt(remote());
      const given = make('given', 'corp');
      const run = await underLoad([...placing, '--files', given]);
      expect([run.status, run.restarts, await servedAt(remote())]).toEqual([
        'succeeded',
        [],
        fingerprintOf(join(given, 'us-1.crt')),
      ]);
      expect((await fleet.cli([...placing, '--files', given, '--check'])).code).toBe(0);
      // Nobody here could make another one.
      const due = JSON.parse((await fleet.cli(['certs', 'rotate', '--all', '--check', '--json'])).stdout) as Plan;
      expect([due.steps, due.warnings.join()]).toEqual([[], expect.stringContaining('was made elsewhere')]);
      const back = await underLoad(['runs', 'rollback', run.runId]);
      expect([back.status, await servedAt(remote())]).toEqual(['succeeded', before]);
    });

    test('another such CA takes the place of theirs, with certificates that it signed', async () => {
      const given = make('of-next', 'next');
      const run = await underLoad(['ca', 'rotate', 'corp', '--to', 'next', '--files', given]);
      expect([run.status, await servedAt(remote())]).toEqual(['succeeded', fingerprintOf(join(given, 'us-1.crt'))]);
      expect(await listed()).toMatchObject({ ca: 'next', managed: true, served: true, findings: [] });
      const cas = await fleet.json<CaView[]>(['ca', 'list']);
      expect(cas.map(({ name, hasKey, usedBy }) => [name, hasKey, usedBy.length > 0]).sort()).toEqual([
        ['corp', false, false],
        ['next', false, true],
      ]);
    });

    test('each way of a connection is tried as Elasticsearch would go it, and says what does not hold', async () => {
      const address = `127.0.0.1:${remote()}`;
      const certificate = { fingerprint256: await servedAt(remote()) };
      const [view] = await fleet.json<ConnectionView[]>(['connections', 'check', 'eu', 'us']);
      expect(view?.paths).toMatchObject([{ node: 'eu-1', address, ok: true, failed: null, hint: null, certificate }]);
      const bundle = join(eu.nodes[0]?.configDir ?? '', 'remora-remote-cluster-cas.crt');
      const trusted = readFileSync(bundle);
      writeFileSync(bundle, readFileSync(at('corp.crt')));
      const { stdout } = await fleet.cli(['connections', 'check', 'eu', 'us']);
      writeFileSync(bundle, trusted);
      expect(stdout).toMatch(/eu-1 +127\.0\.0\.1:\d+ +open +NOT trusted .*CN=us-1 by CN=next-issuing/);
      expect(stdout).toContain('does not trust the remote cluster server');
      expect(stdout).toContain('elastic.co/docs/troubleshoot');
    });
  },
);
