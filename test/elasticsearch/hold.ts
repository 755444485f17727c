/**
 * hold.ts NAME…: keeps a cluster of one node for each NAME, ready or not, as long as this process lives. Its only line is
 * what they are, as JSON. For trying things by hand, and for the test of what happens when an owner is killed.
 */
import { createCluster } from './create.ts';

const clusters = await Promise.all(process.argv.slice(2).map((name) => createCluster({ name })));
await Promise.all(clusters.map((cluster) => cluster.start()));
const nodes = clusters.flatMap((cluster) => cluster.nodes);
const pids = nodes.map((node) => node.pid());
process.stdout.write(
  `${JSON.stringify({ pids, startCommand: nodes[0]?.startCommand, clusters: clusters.map(({ place }) => place) })}\n`,
);
setInterval(() => undefined, 1 << 30);
