/**
 * hold.ts NAME: keeps a cluster of one node as long as this process lives; its only line says where, as JSON. For trying
 * things by hand, and for the test of what happens when an owner is killed.
 */
import { createCluster } from './create.ts';

const cluster = await createCluster({ name: process.argv[2] ?? 'held' });
await cluster.start();
const { directory } = cluster.place;
const pids = cluster.nodes.map((node) => node.pid());
process.stdout.write(
  `${JSON.stringify({ pids, directory, urls: cluster.nodes.map(({ url }) => url), password: cluster.password })}\n`,
);
setInterval(() => undefined, 1 << 30);
