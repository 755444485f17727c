import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import type { Run } from '@remora/shared/model/run.ts';
import { expect, test } from 'vitest';
import { SearchLoop } from '../search-loop.ts';
import { standing } from '../standing.ts';
import { restarts } from '../traces.ts';
import { type Bed, DOCUMENTS } from './bed.ts';

const ALIAS = 'theirs';
const CA = 'signing-elsewhere';
const LIMIT_MS = 120_000;
const SEARCHES = 30;
/** Needs escapes; the second half is how Elasticsearch compares it. */
const [OPENSSL_SUBJECT, SUBJECT] = ['/O=Example, Inc./CN=signer = eu', 'CN=signer \\= eu,O=Example\\, Inc.'];
const kinds = { ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], rsa: ['rsa:2048'] } as const;

const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Signing certificates of a CA whose key is elsewhere, here with openssl. */
export const givenIdentitySuite = (bed: () => Bed): void => {
  const at = (...names: readonly string[]): string => join(bed().fleet.directory, CA, ...names);

  const makeCa = (name: string): void => {
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}.key`)];
    openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-days', '30', '-out', at(`${name}.crt`));
  };

  /** A key and certificate for each local node: a pair for the first, and a PKCS#12 file with its password for the second. */
  const make = (directory: string, kind: keyof typeof kinds, ca = CA): string => {
    mkdirSync(at(directory));
    for (const node of ['eu-1', 'eu-2']) {
      const file = (end: string): string => at(directory, `${node}.${end}`);
      const by = ['-CA', at(`${ca}.crt`), '-CAkey', at(`${ca}.key`), '-days', '9'];
      openssl(
        ...['req', '-x509', '-newkey', ...kinds[kind], '-nodes', '-keyout', file('key'), '-subj', OPENSSL_SUBJECT],
        ...[...by, '-addext', 'basicConstraints=critical,CA:false', '-out', file('crt')],
      );
    }
    const [crt, key] = [at(directory, 'eu-2.crt'), at(directory, 'eu-2.key')];
    writeFileSync(at(directory, 'eu-2.password'), 'of others');
    openssl(
      'pkcs12',
      '-export',
      '-in',
      crt,
      '-inkey',
      key,
      '-passout',
      'pass:of others',
      '-out',
      at(directory, 'eu-2.p12'),
    );
    for (const file of [crt, key]) rmSync(file);
    return at(directory);
  };

  const base = ['connect', 'eu', 'us', '--alias', ALIAS, '--search', 'logs-*'];
  const signedWith = (directory: string) => [...base, '--signing-ca', CA, '--signing-files', directory, '--yes'];
  const connect = (directory: string): Promise<Run> => bed().fleet.json<Run>(signedWith(directory));

  test('a connection is signed with them, they are replaced while searches go on, and go with it', {
    timeout: LIMIT_MS,
  }, async () => {
    const { eu, us, fleet } = bed();
    const [before, started] = [await standing(eu, us), restarts(us, eu)];
    mkdirSync(at());
    for (const name of [CA, 'other']) makeCa(name);
    await fleet.json(['ca', 'import', CA, '--cert', at(`${CA}.crt`)]);

    const stranger = await fleet.cli(signedWith(make('of-another', 'rsa', 'other')));
    expect([stranger.code, stranger.stderr]).toEqual([64, expect.stringContaining(CA)]);
    expect(await standing(eu, us)).toEqual(before);

    const first = make('first', 'ec');
    expect(await connect(first)).toMatchObject({ status: 'succeeded' });
    const keys = await fleet.json<KeyView[]>(['api-keys', 'list']);
    const id = keys.find(({ connections }) => connections.includes(`eu/${ALIAS}`))?.id;
    const { api_keys: found } = (await us.call('GET', `/_security/api_key?id=${id}`)) as {
      readonly api_keys: readonly { readonly certificate_identity: string }[];
    };
    expect(new RegExp(`^${found[0]?.certificate_identity}$`).test(SUBJECT)).toBe(true);
    expect(await connect(first)).toMatchObject({ steps: [] });

    const loop = new SearchLoop([{ cluster: eu, index: `${ALIAS}:logs-*`, documents: DOCUMENTS }]);
    try {
      await loop.atLeast(1);
      expect(await connect(make('second', 'rsa'))).toMatchObject({ status: 'succeeded' });
      await loop.atLeast(SEARCHES);
    } finally {
      expect(await loop.stop()).toMatchObject([{ failures: [], retried: 0 }]);
    }
    const rotate = await fleet.cli(['certs', 'rotate', '--cluster', 'eu', '--yes']);
    expect([rotate.code, rotate.stderr]).toEqual([
      64,
      expect.stringContaining(`--signing-ca ${CA} --signing-files DIR`),
    ]);
    const views = await fleet.json<CertificateView[]>(['certs', 'list']);
    const ours = views.filter(({ issuer }) => issuer === `CN=${CA}`);
    expect(ours.map(({ node, level, findings }) => [node, level, findings]).sort()).toEqual([
      ['eu-1', 'ok', []],
      ['eu-2', 'ok', []],
    ]);

    expect(await fleet.json<Run>(['disconnect', 'eu', ALIAS, '--yes'])).toMatchObject({ status: 'succeeded' });
    // Others may sign by a CA whose key is elsewhere: it stays, and goes by hand.
    const persistent = { 'cluster.remote.signing.certificate_authorities': null };
    await us.call('PUT', '/_cluster/settings', { persistent });
    for (const { configDir } of us.nodes) rmSync(join(configDir, 'remora-signing-cas.crt'));
    expect(await standing(eu, us)).toEqual(before);
    expect(restarts(us, eu)).toEqual(started);
  });
};
