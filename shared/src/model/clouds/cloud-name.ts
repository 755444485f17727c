import { RemoraError } from '../../errors.ts';

/** Where a node stands by the naming pattern of Elastic Cloud. */
export interface CloudPlace {
  /** Id of its cluster. */
  readonly cluster: string;
  /** Id of the organization, or of the Elastic Cloud Enterprise environment. */
  readonly scope: string;
}

const CLOUD_LABEL = /^[A-Za-z0-9_-]{1,63}$/;
const CLOUD_NAME = /^[^.]+\.node\.([^.]+)\.cluster\.([^.]+)\.account$/;

/**
 * The name of a node by the pattern of Elastic Cloud, `NODE.node.CLUSTER.cluster.SCOPE.account`, as trust restrictions know it. Throws `bad-input` for a part that cannot
 * stand in it.
 */
export const cloudNodeName = (node: string, { cluster, scope }: CloudPlace): string => {
  for (const part of [node, cluster, scope])
    if (!CLOUD_LABEL.test(part))
      throw new RemoraError(
        'bad-input',
        `"${part}" cannot stand in NODE.node.CLUSTER.cluster.SCOPE.account: only letters, digits, "-" and "_".`,
      );
  return `${node}.node.${cluster}.cluster.${scope}.account`;
};

/** The pattern that all nodes of the same cluster match; null for a name of another form. */
export const cloudClusterPattern = (name: string): string | null => {
  const [, cluster, scope] = CLOUD_NAME.exec(name) ?? [];
  return cluster === undefined ? null : `*.node.${cluster}.cluster.${scope}.account`;
};
