import { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { afterwards } from '../../connection/static-alias.ts';
import type { ConnectFacts } from '../../facts.ts';
import type { NodeId } from '../../node/node-id.ts';
import { byName } from '../../order.ts';
import type { AnyStep, StepKind } from '../../steps.ts';

type Limit = (node: NodeId) => boolean;

const names = (name: string, { cluster, node }: NodeId): boolean => name === node || name === `${cluster}/${node}`;

/** Whether a node is one of those that `--limit` names; all are where it does not stand. */
export const isMeant = ({ nodes }: { readonly nodes?: readonly string[] | undefined }, node: NodeId): boolean =>
  nodes === undefined || nodes.some((name) => names(name, node));

/** `NODE`, or `CLUSTER/NODE` where both clusters have a node of that name and only one is meant. Throws `bad-input` for a name that neither has. */
const limitOf = ({ local, remote }: ConnectFacts, nodes: readonly string[]): Limit => {
  const all = [remote, local].flatMap((cluster) =>
    [...cluster.nodes].sort(byName).map((node) => ({ cluster: cluster.name, node: node.name })),
  );
  const unknown = nodes.find((name) => !all.some((node) => names(name, node)));
  if (unknown !== undefined) {
    const known = all.map(({ cluster, node }) => `${cluster}/${node}`).join(', ');
    throw new RemoraError('bad-input', `--limit: neither cluster has a node "${unknown}". There are ${known}.`);
  }
  return (node) => isMeant({ nodes }, node);
};

/** Steps that all nodes share, and what they are for: the nodes of either cluster, those of the local one, or the connection as a whole. */
const shared: Partial<Record<StepKind, 'nodes' | 'local-nodes'>> = {
  'ca.create': 'nodes',
  'connection.record': 'nodes',
  'api-key.create': 'local-nodes',
  'api-key.update': 'local-nodes',
};

/** Of a plan's steps those for the nodes that were named, and what these need. The connection is registered and proved once no node is left out, and what follows that comes then too. */
export const limitSteps = (
  steps: readonly AnyStep[],
  facts: ConnectFacts,
  { nodes, local }: Pick<ConnectRequest, 'nodes' | 'local'>,
): { readonly steps: readonly AnyStep[]; readonly warnings: readonly string[] } => {
  if (nodes === undefined) return { steps, warnings: [] };
  const isOwn = limitOf(facts, nodes);
  const last = new Set<string>(afterwards.map(({ id }) => id));
  const own = steps.filter(({ input, stage }) => 'node' in input && isOwn(input) && !last.has(stage));
  const needs = new Set(
    own.flatMap(({ input }) => ('node' in input && input.cluster === local ? ['nodes', 'local-nodes'] : ['nodes'])),
  );
  const kept = steps.filter((step) => own.includes(step) || needs.has(shared[step.kind] ?? ''));
  const left = steps.length - kept.length;
  return {
    steps: kept,
    warnings:
      left === 0
        ? []
        : [
            `Limited to ${nodes.join(', ')}: ${left} further step${left > 1 ? 's are' : ' is'} left for the same command without --limit.`,
          ],
  };
};
