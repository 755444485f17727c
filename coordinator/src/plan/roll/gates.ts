import type { Baseline, StatedOutages } from './roll-inputs.ts';
import { nameShards, type ShardCopy, shardName, shardsOnlyOn } from './shards.ts';
import { type Disk, isOver, usedShare, type Watermark } from './watermark.ts';

/** What a gate looks at, observed right before a node is restarted. */
export interface RollFacts {
  readonly node: string;
  /** All that restart side by side with it, itself among them. */
  readonly batch: readonly string[];
  readonly baseline: Baseline;
  readonly outageStated: StatedOutages;
  readonly health: 'green' | 'yellow' | 'red';
  /** Names of the nodes that are in the cluster now. */
  readonly nodes: readonly string[];
  readonly initializingShards: number;
  readonly shards: readonly ShardCopy[];
  /** Nodes whose votes elect the master, by name. */
  readonly voting: readonly string[];
  /** Nodes that hold a shard of a running snapshot. */
  readonly snapshotNodes: readonly string[];
  /** The data path of each node that told of it. */
  readonly disks: Readonly<Record<string, Disk>>;
  /** null when Elasticsearch is told not to look at disks. */
  readonly watermarks: { readonly low: Watermark; readonly floodStage: Watermark } | null;
  readonly agentOnline: boolean;
}

interface Gate {
  /** What it demands, for the documentation. */
  readonly demands: string;
  /** null when open, else why it is closed. */
  readonly closed: (facts: RollFacts) => string | null;
}

const rank = { green: 0, yellow: 1, red: 2 } as const;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** The gates by name, in the order in which they are looked at. The name is what people read in the run and in the documentation. */
export const gates = {
  'cluster-answers': {
    demands: 'the cluster answers',
    // Whoever has facts got an answer; `closedGates` closes this one where there are none.
    closed: () => null,
  },
  'agent-online': {
    demands: "the node's agent is connected",
    closed: ({ agentOnline, node }) => (agentOnline ? null : `the agent of ${node} is offline`),
  },
  'no-node-missing': {
    demands: 'no node is missing that was there when the roll was planned',
    closed: ({ nodes, baseline }) =>
      nodes.length >= baseline.nodes ? null : `${nodes.length} of ${baseline.nodes} nodes are in the cluster`,
  },
  'no-shard-initializing': {
    demands: 'no shard is initialising; relocating ones are safe',
    closed: ({ initializingShards: count }) =>
      count === 0 ? null : `${count} shard${count > 1 ? 's are' : ' is'} initialising`,
  },
  'health-not-worse': {
    demands: 'health is not worse than before the roll; a cluster that is always yellow does not block',
    closed: ({ health, baseline }) =>
      rank[health] <= rank[baseline.health] ? null : `health is ${health}, and was ${baseline.health} before the roll`,
  },
  'copies-elsewhere': {
    demands: 'every shard that has a replica keeps a started copy on a node that does not restart at the same time',
    closed: ({ shards, node, batch, outageStated }) => {
      const { data } = outageStated;
      const last =
        data === 'all' ? [] : shardsOnlyOn(shards, batch).filter(([copy]) => !data.includes(shardName(copy)));
      const own = last.filter((copies) => copies.some((copy) => copy.node === node));
      if (own.length === 0) return null;
      return batch.length === 1
        ? `${node} holds the only started copy of ${nameShards(own)}`
        : `${node} holds a copy of ${nameShards(own)}, started on nodes of its batch alone`;
    },
  },
  'master-quorum': {
    demands: 'the other voting nodes can elect a master without this one',
    closed: ({ voting, node, batch, nodes, outageStated }) => {
      if (outageStated.master || !voting.includes(node)) return null;
      const others = voting.filter((name) => !batch.includes(name) && nodes.includes(name)).length;
      return others > voting.length / 2
        ? null
        : `${others} of ${voting.length} voting nodes would be left without ${node}`;
    },
  },
  'no-running-snapshot': {
    demands: 'the node holds no shard of a running snapshot, which would fail there',
    closed: ({ snapshotNodes, node }) =>
      snapshotNodes.includes(node) ? `${node} holds a shard of a running snapshot` : null,
  },
  'disk-space': {
    demands: "this node's disk is below the low watermark, and no node is at flood stage",
    closed: ({ disks, node, watermarks }) => {
      if (watermarks === null) return null;
      const flooded = Object.entries(disks).find(([, disk]) => isOver(disk, watermarks.floodStage));
      if (flooded) return `the disk of ${flooded[0]} is at flood stage (${percent(usedShare(flooded[1]))})`;
      const own = disks[node];
      return own && isOver(own, watermarks.low)
        ? `the disk of ${node} is over the low watermark (${percent(usedShare(own))})`
        : null;
    },
  },
} as const satisfies Record<string, Gate>;

export interface ClosedGate {
  readonly gate: keyof typeof gates;
  readonly why: string;
}

/** The gates that are closed for this node now; of a cluster that does not answer, that one alone. */
export const closedGates = (facts: RollFacts | { readonly unanswered: string }): ClosedGate[] => {
  if (!('node' in facts)) return [{ gate: 'cluster-answers', why: facts.unanswered }];
  return (Object.keys(gates) as (keyof typeof gates)[]).flatMap((gate) => {
    const why = gates[gate].closed(facts);
    return why === null ? [] : [{ gate, why }];
  });
};
