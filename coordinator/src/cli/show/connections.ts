import type { ConnectionView, NodeProof, PathView } from '@remora/shared/model/inventory.ts';
import { setUpText } from './connection-set-up.ts';
import { table } from './table.ts';
import { wrap } from './text.ts';

const keyOf = ({ key }: ConnectionView): string =>
  key === null ? '' : `${key.name}${key.expiresAt === null ? '' : ` until ${key.expiresAt}`}`;

const provenOf = ({ proof }: ConnectionView): string => {
  const asked = proof.filter(({ state }) => state !== 'n/a');
  return asked.length === 0 ? '' : `${asked.filter(({ ok }) => ok).length} of ${asked.length} nodes`;
};

export const connectionsTable = (connections: readonly ConnectionView[]): string =>
  table(
    connections,
    [
      ['LOCAL', (one) => one.local],
      ['ALIAS', (one) => one.alias],
      ['REMOTE', (one) => one.remote ?? 'unknown'],
      ['CONNECTED', (one) => (one.connected ? 'yes' : stateOf(one) === 'NOT proven' ? 'unknown' : 'no')],
      ['PROVEN', provenOf],
      ['AUTH', (one) => one.auth],
      ['MODE', (one) => one.mode],
      ['MANAGED', (one) => (one.managed ? 'yes' : 'no')],
      ['KEY', keyOf],
    ],
    'There are no connections yet: see `remora connect --help`.',
  );

const faultLines = ({ error, hint }: NodeProof): string[] => [
  ...(error === null ? [] : [wrap(error, '      ')]),
  ...(hint === null ? [] : [wrap(hint, '      ')]),
];

const markOf = ({ node, state, error }: NodeProof, { staticNodes }: ConnectionView): string => {
  if (state !== 'n/a') return state === 'ok' ? 'ok' : 'FAILED';
  if (Array.isArray(staticNodes) && !staticNodes.includes(node)) return 'n/a (not among its static nodes)';
  return error === null ? 'n/a (no role remote_cluster_client)' : 'n/a (the user of Remora may not ask)';
};

/** Where no node was let ask, nothing is known of the connection. */
const stateOf = ({ connected, proof }: ConnectionView): string => {
  if (connected) return 'connected';
  const isUnknown = proof.every(({ state }) => state === 'n/a') && proof.some(({ error }) => error !== null);
  return isUnknown ? 'NOT proven' : 'NOT connected';
};

/** More rows than this are counted, and only those that failed are shown. */
const MOST_PATHS = 20;

const tlsOf = ({ ok, failed, certificate }: PathView): string => {
  if (ok) return certificate === null ? 'not tried' : 'trusted';
  return failed === 'tls' ? 'NOT trusted' : '';
};

const pathTable = (paths: readonly PathView[]): string =>
  table(
    paths,
    [
      ['NODE', ({ node }) => node],
      ['ADDRESS', ({ address }) => address],
      ['TCP', ({ failed }) => (failed === 'tcp' ? 'FAILED' : 'open')],
      ['TLS', tlsOf],
      ['UNTIL', ({ certificate }) => certificate?.notAfter.slice(0, 10) ?? ''],
      ['CERTIFICATE', ({ certificate }) => (certificate ? `${certificate.subject} by ${certificate.issuer}` : '')],
    ],
    '',
  );

/** One sentence for what is wrong, however many ways have it. */
const pathFaults = (paths: readonly PathView[]): string[] =>
  [...Map.groupBy(paths, ({ error, hint }) => JSON.stringify([error, hint])).values()].flatMap((alike) => {
    const [first] = alike;
    if (!first?.error) return [];
    const where = alike.map(({ node, address }) => `${node} to ${address}`);
    const more = where.length > 3 ? ` and ${where.length - 3} more` : '';
    return [
      wrap(`${where.slice(0, 3).join(', ')}${more}: ${first.error}`, '  '),
      ...(first.hint ? [wrap(first.hint, '      ')] : []),
    ];
  });

/** Elastic's own page of what goes wrong with remote clusters. */
const PAGE = 'https://www.elastic.co/docs/troubleshoot/elasticsearch/remote-clusters';

const pathText = (paths: readonly PathView[]): string[] => {
  if (paths.length === 0) return [];
  const bad = paths.filter(({ ok }) => !ok);
  const shown = paths.length > MOST_PATHS ? bad : paths;
  const rows =
    shown.length === 0
      ? []
      : pathTable(shown)
          .split('\n')
          .map((line) => `  ${line}`);
  const count = `  ${paths.length - bad.length} of ${paths.length} ways are open and trusted`;
  return [...rows, ...pathFaults(bad), ...(paths.length > MOST_PATHS ? [count] : [])];
};

/** How it is set and how much of it is open, as the cluster says. */
const infoLine = ({ info }: ConnectionView): string[] => {
  if (info === undefined) return [];
  const parts =
    info.seeds === undefined
      ? [
          `proxy ${info.proxyAddress}`,
          ...(info.serverName ? [`server name ${info.serverName}`] : []),
          `${info.proxySocketsConnected} of at most ${info.maxProxySocketConnections} sockets open`,
        ]
      : [
          `seeds ${info.seeds.join(', ')}`,
          `${info.nodesConnected} of at most ${info.maxNodeConnections} nodes connected`,
        ];
  const all = [
    ...parts,
    `skip_unavailable ${info.skipUnavailable}`,
    `first connect within ${info.initialConnectTimeout}`,
  ];
  return [wrap(`${all.join('; ')} (as one node sees it)`, '  ')];
};

/** Where the alias stands, of one that is not in the cluster's settings. */
const staticLine = ({ staticNodes }: ConnectionView): string[] =>
  staticNodes === undefined
    ? []
    : [
        `  in elasticsearch.yml of ${staticNodes === 'all' ? 'every node that connects' : staticNodes.join(', ')}, not in the settings of the cluster`,
      ];

const proofText = (one: ConnectionView): string => {
  const width = Math.max(0, ...one.proof.map(({ node }) => node.length));
  const rows = one.proof.flatMap((proof) => [
    `  ${proof.node.padEnd(width)}  ${markOf(proof, one)}`,
    ...(proof.ok ? [] : faultLines(proof)),
  ]);
  const { paths = [] } = one;
  const isWell = one.connected && paths.every(({ ok }) => ok);
  const title = `${one.local} -> ${one.remote ?? 'unknown'} as "${one.alias}": ${stateOf(one)}`;
  return [
    title,
    ...staticLine(one),
    ...(rows.length === 0 ? ['  no node could be asked'] : rows),
    ...infoLine(one),
    ...pathText(paths),
    ...(isWell || one.paths === undefined ? [] : [`  See also ${PAGE}`]),
  ].join('\n');
};

/** What every local node proved of every connection, with the reason and what to do where it failed. */
export const proofMatrix = (connections: readonly ConnectionView[]): string =>
  connections.length === 0 ? 'There are no connections to check.' : connections.map(proofText).join('\n\n');

/** One connection with all that is known of it. */
export const connectionText = (one: ConnectionView): string =>
  [connectionsTable([one]), '', proofMatrix([one]), ...(one.setUp === undefined ? [] : [setUpText(one.setUp)])].join(
    '\n',
  );
