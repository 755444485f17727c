import type { ConnectionView, PathView } from '@remora/shared/model/inventory.ts';
import { expect, test } from 'vitest';
import { connectionsTable, connectionText, proofMatrix } from '../../../../../coordinator/src/cli/show/connections.ts';

const certificate = {
  ...{ subject: 'CN=us-1', issuer: 'CN=us-remote', notAfter: '2027-01-02T03:04:05.000Z', fingerprint256: 'f' },
};
const way = (node: string, address: string, more: Partial<PathView> = {}): PathView => ({
  ...{ node, address, ok: true, failed: null, error: null, hint: null, certificate },
  ...more,
});

const view = (paths?: readonly PathView[]): ConnectionView => ({
  ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'api_key', mode: 'sniff', connected: true, key: null },
  proof: [{ node: 'eu-1', ok: true, state: 'ok', error: null, hint: null }],
  managed: true,
  ...(paths === undefined ? {} : { paths: [...paths] }),
});

test('ways that hold are a row each, with how long the certificate lives', () => {
  const text = proofMatrix([view([way('eu-1', '10.0.0.1:9443'), way('eu-1', '[::1]:9443')])]);
  expect(text.split('\n')).toEqual([
    'eu -> us as "us": connected',
    '  eu-1  ok',
    '  NODE  ADDRESS        TCP   TLS      UNTIL       CERTIFICATE',
    '  eu-1  10.0.0.1:9443  open  trusted  2027-01-02  CN=us-1 by CN=us-remote',
    '  eu-1  [::1]:9443     open  trusted  2027-01-02  CN=us-1 by CN=us-remote',
  ]);
});

test('what does not hold is said once for all that have it, with what to do and where to read', () => {
  const bad = {
    ok: false,
    failed: 'tcp',
    error: 'timeout: no answer',
    hint: 'Open the port.',
    certificate: null,
  } as const;
  const text = proofMatrix([view(['a', 'b', 'c', 'd'].map((node) => way(node, 'us-1:9443', bad)))]);
  expect(text).toContain('  a     us-1:9443  FAILED');
  expect(text).toContain('  a to us-1:9443, b to us-1:9443, c to us-1:9443 and 1 more: timeout: no answer');
  expect(text.match(/Open the port\./g)).toHaveLength(1);
  expect(text).toContain('See also https://www.elastic.co/docs/troubleshoot/elasticsearch/remote-clusters');
});

test('of many ways only those that fail are shown, and the others counted', () => {
  const many = Array.from({ length: 30 }, (_, i) => way(`eu-${i}`, '10.0.0.1:9443'));
  const wrong = way('eu-x', '10.0.0.1:9443', { ok: false, failed: 'tls', error: 'certificate has expired' });
  const text = proofMatrix([view([...many, wrong])]);
  expect(text).not.toContain('eu-7 ');
  expect(text).toMatch(/eu-x +10\.0\.0\.1:9443 +open +NOT trusted/);
  expect(text).toContain('30 of 31 ways are open and trusted');
});

test('a list that did not try the ways says nothing of them', () => {
  expect(proofMatrix([{ ...view(), connected: false }])).toBe('eu -> us as "us": NOT connected\n  eu-1  ok');
});

test('where no node was let ask it says so, and not that the connection is broken', () => {
  const proof = [
    { node: 'eu-1', ok: false, state: 'n/a' as const, error: 'no privileges apply', hint: 'Give the role some.' },
    { node: 'eu-2', ok: false, state: 'n/a' as const, error: null, hint: null },
  ];
  const one = { ...view(), connected: false, proof };
  expect(proofMatrix([one]).split('\n')).toEqual([
    'eu -> us as "us": NOT proven',
    '  eu-1  n/a (the user of Remora may not ask)',
    '      no privileges apply',
    '      Give the role some.',
    '  eu-2  n/a (no role remote_cluster_client)',
  ]);
  expect(connectionsTable([one])).toMatch(/eu +us +us +unknown/);
  expect(proofMatrix([{ ...one, proof: proof.slice(1) }])).toContain('NOT connected');
});

test('an alias in elasticsearch.yml says of which nodes, and that the others are none of them', () => {
  const others = { node: 'eu-2', ok: false, state: 'n/a', error: null, hint: null } as const;
  const one = { ...view(), staticNodes: ['eu-1'], proof: [...view().proof, others] };
  expect(proofMatrix([one]).split('\n')).toEqual([
    'eu -> us as "us": connected',
    '  in elasticsearch.yml of eu-1, not in the settings of the cluster',
    '  eu-1  ok',
    '  eu-2  n/a (not among its static nodes)',
  ]);
  expect(proofMatrix([{ ...one, staticNodes: 'all' }])).toContain('in elasticsearch.yml of every node that connects');
});

test('how a connection is set, and how much of it is open, stands below what the nodes proved', () => {
  const both = { skipUnavailable: true, initialConnectTimeout: '30s' };
  const sniff = { ...both, seeds: ['us-1:9443', '[::1]:9443'], nodesConnected: 2, maxNodeConnections: 3 };
  const proxy = {
    ...{ ...both, skipUnavailable: false, proxyAddress: 'lb:443', serverName: 'us.example.com' },
    ...{ proxySocketsConnected: 17, maxProxySocketConnections: 18 },
  };
  expect(
    proofMatrix([{ ...view(), info: sniff }])
      .split('\n')
      .slice(2)
      .join(' ')
      .replaceAll(/ +/g, ' '),
  ).toBe(
    ' seeds us-1:9443, [::1]:9443; 2 of at most 3 nodes connected; skip_unavailable true; first connect within 30s (as one node sees it)',
  );
  expect(proofMatrix([{ ...view(), info: proxy }]).replaceAll(/\s+/g, ' ')).toContain(
    ' proxy lb:443; server name us.example.com; 17 of at most 18 sockets open; skip_unavailable false; first connect within 30s',
  );
});

test('the list says of each connection what lets it in, and in which mode it is', () => {
  const other = { ...view(), alias: 'old', auth: 'certificate', mode: 'proxy', managed: false } as const;
  const [head, ...rows] = connectionsTable([view(), other]).split('\n');
  const columns = ['ALIAS', 'AUTH', 'MODE'].map((name) => head?.split(/ {2,}/).indexOf(name) ?? -1);
  expect(rows.map((row) => columns.map((column) => row.split(/ {2,}/)[column]))).toEqual([
    ['us', 'api_key', 'sniff'],
    ['old', 'certificate', 'proxy'],
  ]);
});

test('one connection is shown with its settings, what its key grants, and what stays as people made it', () => {
  const setUp = {
    settings: { 'cluster.remote.us.mode': 'sniff', 'cluster.remote.us.seeds': ['10.0.0.1:9443', '10.0.0.2:9443'] },
    access: { search: [{ names: ['logs-*', 'metrics-*'] }, { names: ['hr'], query: '{}' }] },
    ...{ expires: '90d', metadata: { team: 'search' }, cas: ['us-remote'], byHand: { servers: true, trust: true } },
  };
  expect(
    connectionText({ ...view(), setUp })
      .split('\n')
      .slice(-9),
  ).toEqual([
    '  eu-1  ok',
    '  Settings',
    '    cluster.remote.us.mode: sniff',
    '    cluster.remote.us.seeds: 10.0.0.1:9443, 10.0.0.2:9443',
    '  The key grants (for 90d, metadata {"team":"search"})',
    '    search: logs-*, metrics-*',
    '    search: {"names":["hr"],"query":"{}"}',
    '  CA us-remote',
    '  Stays as people made it: the remote cluster servers, what local nodes trust',
  ]);
  expect(connectionText(view())).not.toContain('Settings');
});
