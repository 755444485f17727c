import type { NodeView } from '@remora/shared/model/inventory.ts';
import type { Register } from '../frame/register.ts';
import { removeCommand } from '../frame/remove.ts';
import { type Column, table } from '../show/table.ts';

const columns: readonly Column<NodeView>[] = [
  ['NAME', ({ name }) => name],
  ['CLUSTER', ({ cluster }) => cluster],
  ['AGENT', ({ agent }) => agent],
  ['RELEASE', ({ agentVersion }) => agentVersion],
  [
    'ELASTICSEARCH',
    ({ elasticsearch }) => `${elasticsearch.running ? 'runs' : 'stopped'} ${elasticsearch.version ?? ''}`.trim(),
  ],
  ['LAST SEEN', ({ lastSeen }) => lastSeen ?? 'never'],
  ['CONFIGURATION', ({ elasticsearch }) => elasticsearch.config],
];
const show = (nodes: readonly NodeView[]): string =>
  table(nodes, columns, 'No agent has joined yet: see `remora tokens create --help` and `remora agent join --help`.');

const addressOf = (name: string, { cluster }: { readonly cluster?: string }): string =>
  `/nodes/${encodeURIComponent(name)}${cluster === undefined ? '' : `?cluster=${encodeURIComponent(cluster)}`}`;

const OF_CLUSTER = ['--cluster <name>', 'its cluster, where nodes of two clusters have the same name'] as const;

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list all nodes that have an agent')
    .action(async () => {
      const nodes = await (await cli.client()).get<NodeView[]>('/nodes');
      cli.answer(nodes, () => show(nodes));
    });
  command
    .command('show')
    .description('show one node')
    .argument('<name>')
    .option(...OF_CLUSTER)
    .action(async (name: string, flags: { readonly cluster?: string }) => {
      const node = await (await cli.client()).get<NodeView>(addressOf(name, flags));
      cli.answer(node, () => show([node]));
    });
  removeCommand(command, cli, 'node', addressOf).option(...OF_CLUSTER);
};
