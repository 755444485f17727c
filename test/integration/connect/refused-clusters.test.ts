import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeView } from '@remora/shared/model/inventory.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import { sharedPairAlone } from '../../elasticsearch/shared-pair.ts';
import { Fleet } from '../../support/fleet.ts';
import { Refusals } from './refusals.ts';
import { traces } from './traces.ts';

const stack = new AsyncDisposableStack();
/** Healthy, and local to all connections that are refused here. */
let eu: EsCluster;
/** Healthy, and not added. */
let us: EsCluster;
/** Without security. */
let open: EsCluster;
/** With security, but a basic licence, no API key service, and one remote cluster port for two nodes of a host. */
let worn: EsCluster;
let fleet: Fleet;
let refused: Refusals;
let passwordFile: string;

beforeAll(async () => {
  const settings = ['xpack.security.authc.api_key.enabled: false'];
  const [started, pair, clusters] = await Promise.all([
    Fleet.start(),
    sharedPairAlone(),
    startClusters(
      { name: 'open', security: false },
      { name: 'worn', nodes: 2, settings, licence: 'basic', remoteClusterPort: false },
    ),
  ]);
  fleet = started;
  ({ us, eu } = pair);
  [open, worn] = clusters as [EsCluster, EsCluster];
  stack.use(pair);
  for (const one of [open, worn, fleet]) stack.use(one);
  for (const cluster of [eu, open, worn]) await fleet.add(cluster);
  refused = new Refusals(fleet, eu, us, worn);
  passwordFile = join(fleet.directory, 'password');
  await writeFile(passwordFile, us.password, { mode: 0o600 });
});

afterAll(() => stack.disposeAsync());

test('nodes are shown with what their clusters say of them', async () => {
  const version = expect.stringMatching(/^\d+\.\d+\.\d+/);
  const elasticsearch = expect.objectContaining({ running: true, version, nodeId: expect.any(String) });
  const shown = await fleet.json<NodeView[]>(['nodes', 'list']);
  expect(shown).toHaveLength(4);
  for (const node of shown) expect(node).toMatchObject({ agent: 'online', elasticsearch });
});

const connect = (local: string, remote: string): string[] => [
  ...['connect', local, remote, '--alias', 'far', '--search', 'logs-*', '--accept-outage', '--yes'],
];

const add = (url: string, ...flags: string[]): string[] => [
  ...['clusters', 'add', 'us', '--url', url, '--user', us.user, '--password-file', passwordFile, ...flags],
];

describe('a cluster is not added', () => {
  test('by plain http beyond this machine', () =>
    refused.expect(add('http://192.0.2.7:9200'), 'http://192.0.2.7:9200 is plain http beyond this machine'));

  test('with a wrong password', async () => {
    await writeFile(passwordFile, 'not the password');
    const url = us.nodes[0]?.url ?? '';
    await refused.expect(add(url, '--ca', us.caPath), 'Cluster us refused user "elastic" with this password (401).');
    await writeFile(passwordFile, us.password);
  });

  test('whose certificate is not trusted: it is named, with its issuer', async () => {
    const url = us.nodes[0]?.url ?? '';
    const served = `: CN=${us.nodes[0]?.name}, issued by CN=${us.name} test authority`;
    await refused.expect(add(url), `${url} serves a certificate that is not trusted by the system's CAs${served}`);
    await refused.expect(
      add(url, '--ca', worn.caPath),
      `${url} serves a certificate that is not trusted by the given CA${served}`,
    );
  });

  test('twice, under another name', () =>
    refused.expect(
      [
        'clusters',
        'add',
        'again',
        '--url',
        eu.nodes[0]?.url ?? '',
        '--user',
        eu.user,
        '--password-file',
        join(fleet.directory, `${eu.name}.password`),
      ],
      `These URLs lead to the cluster that is known as "${eu.name}" already.`,
    ));
});

test('an agent beside a node of another cluster does not join', async () => {
  const node = eu.nodes[0] as EsNode;
  const before = traces(eu, worn);
  const dataDir = join(fleet.directory, 'stray');
  const answer = await fleet.join(node, await fleet.joinToken('worn'), eu.caPath, dataDir);
  expect(answer.code).toBe(64);
  expect(answer.stderr).toContain(`Cluster worn has no node "${node.name}": it has worn-1, worn-2.`);
  expect(existsSync(join(dataDir, 'agent.yml'))).toBe(false);
  expect(traces(eu, worn)).toEqual(before);
});

describe('a connection is not made', () => {
  test('to a cluster that is not known', () => refused.expect(connect(eu.name, 'nowhere'), /no cluster "nowhere"/));

  test('of a cluster to itself', () =>
    refused.expect(connect(eu.name, eu.name), `The local and the remote cluster are both "${eu.name}"`));

  test('where security is off', () =>
    refused.expect(
      connect(eu.name, 'open'),
      'Security is off on cluster open: set xpack.security.enabled: true on every node and restart it.',
    ));

  test('without licence, API key service and a port for each node: all are said at once', () =>
    refused.expect(
      connect(eu.name, 'worn'),
      'The API key service is off on cluster worn: remove xpack.security.authc.api_key.enabled: false from its nodes and restart them.',
      'The licence of cluster worn is basic: connections with API keys need an enterprise or trial licence on both sides.',
      /Nodes worn-[12] and worn-[12] are on one host and would both listen on port 9443/,
    ));

  test('from a cluster without the licence either', () =>
    refused.expect(connect('worn', eu.name), 'The licence of cluster worn is basic'));
});
