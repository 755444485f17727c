import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { byName } from '../order.ts';
import { standingLines } from './alias-place.ts';

/** What elasticsearch.yml of a node says of an alias, by the names of the settings without its prefix. */
interface AliasInFile {
  readonly node: string;
  readonly names: readonly string[];
}

/** Nodes in whose elasticsearch.yml the alias stands; `lines` tells of a node which settings of it count. */
export const aliasInFiles = (
  { nodes }: Pick<ClusterObservation, 'nodes'>,
  alias: string,
  lines: (node: NodeObservation) => readonly string[] = (node) => Object.keys(standingLines(node, alias)),
): AliasInFile[] =>
  [...nodes].sort(byName).flatMap((node) => {
    const names = lines(node).toSorted();
    return names.length === 0 ? [] : [{ node: node.name, names }];
  });

const list = (names: readonly string[]): string => names.join(', ');

/**
 * Elasticsearch takes each setting of an alias from the cluster's settings where it stands there, else from the node's own elasticsearch.yml. `settings` are those that shall
 * stand in the former; `lines` tells of a node which of the latter stay there although nobody wants them.
 */
export const precedenceWarnings = (
  local: Pick<ClusterObservation, 'name' | 'nodes'>,
  alias: string,
  settings: Readonly<Record<string, unknown>>,
  lines?: (node: NodeObservation) => readonly string[],
): string[] =>
  aliasInFiles(local, alias, lines).map(({ node, names }) => {
    const hidden = names.filter((name) => name in settings);
    const inForce = names.filter((name) => !(name in settings));
    const parts = [
      ...(hidden.length === 0 ? [] : [`of ${list(hidden)} those of the cluster's settings win`]),
      ...(inForce.length === 0
        ? []
        : [`${list(inForce)} ${inForce.length > 1 ? 'are' : 'is'} in force on that node alone`]),
    ];
    return `elasticsearch.yml of node ${node} (cluster ${local.name}) has settings of ${alias} too: ${parts.join('; ')}. Take them out there, and restart the node, to have it like the others.`;
  });
