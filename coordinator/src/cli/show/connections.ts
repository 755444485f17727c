import type { ConnectionView, NodeProof } from '@remora/shared/model/inventory.ts';
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
      ['CONNECTED', (one) => (one.connected ? 'yes' : 'no')],
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

const marks: Readonly<Record<string, string>> = {
  ok: 'ok',
  failed: 'FAILED',
  'n/a': 'n/a (no role remote_cluster_client)',
};

const proofText = (one: ConnectionView): string => {
  const width = Math.max(0, ...one.proof.map(({ node }) => node.length));
  const rows = one.proof.flatMap((proof) => [
    `  ${proof.node.padEnd(width)}  ${marks[proof.state] ?? proof.state}`,
    ...(proof.state === 'failed' ? faultLines(proof) : []),
  ]);
  const title = `${one.local} -> ${one.remote ?? 'unknown'} as "${one.alias}": ${one.connected ? 'connected' : 'NOT connected'}`;
  return [title, ...(rows.length === 0 ? ['  no node could be asked'] : rows)].join('\n');
};

/** What every local node proved of every connection, with the reason and what to do where it failed. */
export const proofMatrix = (connections: readonly ConnectionView[]): string =>
  connections.length === 0 ? 'There are no connections to check.' : connections.map(proofText).join('\n\n');
