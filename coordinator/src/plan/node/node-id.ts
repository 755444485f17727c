/** A node of a cluster; node names are unique within their cluster. */
export interface NodeId {
  readonly cluster: string;
  readonly node: string;
}

/** How a node is called where one name has to do: in the inventory, in audits, in findings. */
export const nodeKey = ({ cluster, node }: NodeId): string => `${cluster}/${node}`;
