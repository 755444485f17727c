import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ClusterClients, clusterClients } from '../../coordinator/src/elasticsearch/clusters.ts';

/** What a request is answered with; the status is 200 unless it is given. */
interface WireAnswer {
  readonly status?: number;
  readonly body: object;
}

/** A cluster as far as it is told what to answer, at the wire; it ends with the test. */
export const startWireCluster = async (
  answer: (request: IncomingMessage) => WireAnswer | Promise<WireAnswer>,
): Promise<{ readonly url: string }> => {
  const server = createServer(async (request, response) => {
    const { status = 200, body } = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

/** Clients of clusters by name; they end with the test. */
export const clientsOf = (clusters: Readonly<Record<string, { readonly url: string }>>): ClusterClients => {
  const clients = clusterClients({
    record: async (name) =>
      ({ name, urls: [clusters[name]?.url ?? ''], caPem: null, user: 'u', password: 'secret:p@1' }) as never,
    secret: async () => 'p',
  });
  onTestFinished(() => clients.close());
  return clients;
};
