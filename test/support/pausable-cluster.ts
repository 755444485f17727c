import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ClusterClients, clusterClients } from '../../coordinator/src/elasticsearch/clusters.ts';

/**
 * What Elasticsearch answers about SLM and ML, at the wire: the distribution from Maven Central has neither plugin. Paths, parameters and answers are those of
 * Elastic's references of the SLM APIs, `GET _ml/info` and `POST _ml/set_upgrade_mode`.
 */
export interface PausableCluster {
  readonly url: string;
  slm: 'RUNNING' | 'STOPPED';
  upgradeMode: boolean;
  /** So many calls that change something are answered by a master that is busy. */
  busyFor: number;
  /** What this Elasticsearch has not. */
  without: '_slm' | '_ml' | null;
  /** Letting go on what was paused fails: the user may pause it and no more. */
  mayNotResume: boolean;
  /** The user lacks every privilege. */
  forbidden: boolean;
  /** Calls that changed something, in order. */
  readonly calls: string[];
}

const failure = (status: number, type: string, reason: string) => ({
  status,
  body: { error: { type, reason }, status },
});

const answerOf = (cluster: PausableCluster, method: string, url: URL): { status: number; body: object } => {
  const call = `${method} ${url.pathname}`;
  if (cluster.without !== null && url.pathname.startsWith(`/${cluster.without}/`))
    return { status: 400, body: { error: `no handler found for uri [${url.pathname}] and method [${method}]` } };
  if (cluster.forbidden) return failure(403, 'security_exception', 'action is unauthorized for user [u]');
  if (call === 'GET /_slm/status') return { status: 200, body: { operation_mode: cluster.slm } };
  if (call === 'GET /_ml/info') return { status: 200, body: { upgrade_mode: cluster.upgradeMode, defaults: {} } };
  cluster.calls.push(`${call}${url.searchParams.get('enabled') ?? ''}`);
  if (cluster.busyFor > 0) {
    cluster.busyFor -= 1;
    return failure(503, 'process_cluster_event_timeout_exception', 'timed out');
  }
  if (cluster.mayNotResume && call === 'POST /_slm/start')
    return failure(403, 'security_exception', 'action is unauthorized');
  if (call === 'POST /_slm/stop') cluster.slm = 'STOPPED';
  else if (call === 'POST /_slm/start') cluster.slm = 'RUNNING';
  else if (call === 'POST /_ml/set_upgrade_mode') cluster.upgradeMode = url.searchParams.get('enabled') === 'true';
  else return failure(400, 'illegal_argument_exception', `nobody expected ${call}`);
  return { status: 200, body: { acknowledged: true } };
};

/** Starts one; it ends with the test. */
export const startPausableCluster = async (): Promise<PausableCluster> => {
  const server = createServer((request, response) => {
    const { status, body } = answerOf(cluster, request.method ?? '', new URL(request.url ?? '', 'http://localhost'));
    response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const cluster: PausableCluster = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{
      slm: 'RUNNING',
      upgradeMode: false,
      busyFor: 0,
      without: null,
      mayNotResume: false,
      forbidden: false,
      calls: [],
    },
  };
  return cluster;
};

/** Clients of clusters by name. */
export const clientsOf = (clusters: Readonly<Record<string, PausableCluster>>): ClusterClients => {
  const clients = clusterClients({
    record: async (name) =>
      ({ name, urls: [clusters[name]?.url ?? ''], caPem: null, user: 'u', password: 'secret:p@1' }) as never,
    secret: async () => 'p',
  });
  onTestFinished(() => clients.close());
  return clients;
};
