import { startWireCluster } from './wire-cluster.ts';

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
  const { url } = await startWireCluster((request) =>
    answerOf(cluster, request.method ?? '', new URL(request.url ?? '', 'http://localhost')),
  );
  const cluster: PausableCluster = {
    ...{ url, slm: 'RUNNING', upgradeMode: false, busyFor: 0, without: null },
    ...{ mayNotResume: false, forbidden: false, calls: [] },
  };
  return cluster;
};
