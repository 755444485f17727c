import { describe, expect, test } from 'vitest';
import { withSettingsDiff } from '../../../coordinator/src/plan/node/node-diff.ts';
import { request, sha256 } from './facts.ts';
import { connected, planIn, stepOf } from './plans.ts';
import { nodeOf, world } from './world.ts';

const wider = request({ search: ['logs-*', 'metrics-*'], sans: ['us.example.com'] });

describe('what a plan shows', () => {
  test('of a certificate: the one that is there now, and the one that will be issued', () => {
    const fresh = stepOf(planIn(world(), request()), 'certificate.issue', 'us-1').diff.split('\n');
    expect(fresh).toEqual([
      '+ certificate CN=us-1',
      '+   SANs DNS:us-1, DNS:us-1.example.com, IP:10.0.1.1',
      '+   issued by CA us-remote',
      '+   valid for 365 days from its issue',
      '+   SHA-256 known once it is issued',
      '+   kept as secret:node/us/us-1/remote-cluster-server/p12@1',
    ]);
    const again = stepOf(planIn(connected(world()), wider), 'certificate.issue', 'us-1').diff.split('\n');
    const standing = connected(world()).certificates.find(({ node }) => node === 'us-1');
    expect(again).toContain(`-   valid from ${standing?.facts.notBefore} to ${standing?.facts.notAfter}`);
    expect(again).toContain(`-   SHA-256 ${standing?.facts.fingerprint256}`);
    expect(again).toContain('+   kept as secret:node/us/us-1/remote-cluster-server/p12@2');
  });

  test('of a file: whether it is new, and its digests where they are known before', () => {
    const made = connected(world());
    nodeOf(made.local, 'eu-1').files = {};
    const bundle = made.cas.map(({ certificatePem }) => certificatePem).join('');
    const { diff } = stepOf(planIn(made, request()), 'node.change', 'eu-1');
    expect(diff.split('\n').slice(0, 3)).toEqual([
      '+ file remora-remote-cluster-cas.crt: CA certificate of us-remote',
      `+   SHA-256 ${sha256(bundle)}`,
      expect.stringMatching(/^\+ {3}holds .*, until .*, SHA-256 fingerprint of us-remote$/),
    ]);
  });

  test('of a keystore: references, and whether they change', () => {
    const made = connected(world());
    const { settings } = nodeOf(made.remote, 'us-1').running;
    nodeOf(made.remote, 'us-1').yml.values = { 'node.name': 'us-1' };
    expect(settings).toBeDefined();
    const entry = 'xpack.security.remote_cluster_server.ssl.keystore.secure_password';
    const reference = 'secret:node/us/us-1/remote-cluster-server/password@1';
    const unchanged = stepOf(planIn(made, request()), 'node.change', 'us-1').diff;
    expect(unchanged).toContain(`  keystore ${entry} = ${reference} (unchanged)`);
    nodeOf(made.remote, 'us-1').keystore.entries[entry] = { reference: null, writtenAtMs: null };
    const changed = stepOf(planIn(made, request()), 'node.change', 'us-1').diff;
    expect(changed).toContain(
      `- keystore ${entry} = a value that Remora did not write\n+ keystore ${entry} = ${reference}`,
    );
  });

  test('of a connection: what is different, or all of a new one', () => {
    const { diff } = stepOf(planIn(connected(world()), wider), 'connection.record');
    expect(diff.split('\n')).toEqual([
      '~ connection eu -> us as us',
      '-   access: {"search":[{"names":["logs-*"]}]}',
      '+   access: {"search":[{"names":["logs-*","metrics-*"]}]}',
    ]);
  });

  test('of elasticsearch.yml: the text of the file takes the place of the list of settings, and of nothing else', () => {
    const { diff } = stepOf(planIn(world(), request()), 'node.change', 'us-1');
    const unified = '--- elasticsearch.yml\n+++ elasticsearch.yml\n@@ -1,1 +1,2 @@\n a: 1\n+b: 2';
    const lines = withSettingsDiff(diff, unified).split('\n');
    const isSetting = (line: string): boolean => /^[+-] {3}(remote_cluster|xpack)/.test(line);
    expect(diff.split('\n').some(isSetting)).toBe(true);
    expect(lines.some(isSetting)).toBe(false);
    expect(lines.slice(2, 7)).toEqual(unified.split('\n'));
    expect(lines.at(-1)).toMatch(/^\+ keystore /);
    expect(withSettingsDiff('+ file a: b', unified)).toBe('+ file a: b');
  });
});
