import { createServer, type Server } from 'node:net';
import type { EsCluster } from '../../elasticsearch/cluster.ts';

/** Takes a port of this machine. */
export const listening = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

/** Name of the elected master. */
export const masterOf = async (cluster: EsCluster): Promise<string | undefined> => {
  const [master] = (await cluster.call('GET', '/_cat/master?format=json')) as { node: string }[];
  return master?.node;
};

/** What a roll pauses and puts back. */
export const allocationOf = (cluster: EsCluster): Promise<unknown> =>
  cluster.call('GET', '/_cluster/settings?filter_path=*.cluster.routing');
