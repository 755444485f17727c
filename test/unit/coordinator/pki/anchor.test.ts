import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anchorsOfChain } from '../../../../coordinator/src/pki/anchor.ts';

describe('by which CA a chain is trusted', () => {
  let directory = '';
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const pem = (name: string): string => readFileSync(join(directory, `${name}.crt`), 'utf8');
  const root = (name: string): void =>
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=root', '-days', '2'],
      ...['-keyout', `${name}.key`, '-out', `${name}.crt`],
    );
  const sign = (name: string, by: string): void => {
    openssl(
      ...[
        'req',
        '-new',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
      ],
    );
    const files = ['-in', `${name}.csr`, '-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-out', `${name}.crt`];
    openssl('x509', '-req', '-days', '1', '-CAcreateserial', '-extfile', 'ca.cnf', ...files);
  };

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'remora-anchor-'));
    writeFileSync(join(directory, 'ca.cnf'), 'basicConstraints=CA:TRUE\n');
    for (const name of ['root', 'namesake']) root(name);
    sign('between', 'root');
    sign('node', 'between');
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('the root, through what the port sends', () => {
    expect(anchorsOfChain([pem('node'), pem('between')], [pem('namesake'), pem('root')])).toEqual([pem('root')]);
  });

  test('one in between where that is trusted itself', () => {
    expect(anchorsOfChain([pem('node')], [pem('root'), pem('between')])).toEqual([pem('between')]);
  });

  test('all of them where several are trusted, the nearest first', () => {
    expect(anchorsOfChain([pem('node'), pem('between')], [pem('root'), pem('between')])).toEqual([
      ...[pem('between'), pem('root')],
    ]);
  });

  test('none: a CA of the same name with another key, or a gap in the chain', () => {
    expect(anchorsOfChain([pem('node'), pem('between')], [pem('namesake')])).toEqual([]);
    expect(anchorsOfChain([pem('node')], [pem('root')])).toEqual([]);
  });
});
