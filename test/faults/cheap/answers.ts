import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { callerOf } from './caller.ts';
import { logsIn } from './principals.ts';
import { resolveAlias } from './resolve.ts';
import { ANSWER_AFTER_MS, type Answer, type Asked, type NodeView, ok, type Route } from './route.ts';
import { namedSecurityRoutes, securityRoutes } from './security.ts';
import { healthOf, routingTable } from './shards.ts';
import type { Flat, LiveNode } from './state.ts';

const VERSION = '9.5.3';
const ROLES = ['data_content', 'data_hot', 'ingest', 'master', 'remote_cluster_client'];

const nodeBody = (node: LiveNode) => ({
  name: node.name,
  version: VERSION,
  host: '127.0.0.1',
  roles: ROLES,
  settings: node.settings,
  process: { id: node.pid },
  jvm: { start_time_in_millis: node.startedAtMs },
  transport: { publish_address: `127.0.0.1:${node.transportPort ?? 9300}` },
  ...(node.remotePort === null ? {} : { remote_cluster_server: { publish_address: `127.0.0.1:${node.remotePort}` } }),
});

const published = ({ name, transportPort }: LiveNode) => ({
  name,
  ...(transportPort === null ? {} : { transport: { publish_address: `127.0.0.1:${transportPort}` } }),
});

const byId = <T>(nodes: readonly LiveNode[], body: (node: LiveNode) => T): Record<string, T> =>
  Object.fromEntries(nodes.map((node) => [node.id, body(node)]));

const elected = (nodes: readonly LiveNode[]): string | undefined =>
  [...nodes].sort((a, b) => a.startedAtMs - b.startedAtMs)[0]?.id;

const clusterState: Route = ({ state, all }) => {
  const nodes = state.nodes();
  return ok({
    nodes: byId(nodes, ({ name }) => ({ name })),
    metadata: { cluster_coordination: { last_committed_config: nodes.slice(0, 1).map(({ id }) => id) } },
    routing_table: routingTable(all, nodes, Date.now()),
  });
};

const put = (standing: Flat, wanted: Readonly<Record<string, unknown>> = {}): void => {
  for (const [name, value] of Object.entries(wanted)) {
    if (value === null) delete standing[name];
    else standing[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
};

/** Settings of signatures are shown to nobody. */
const shownOf = (persistent: Flat): Flat =>
  Object.fromEntries(Object.entries(persistent).filter(([name]) => !name.includes('.signing.')));

const putSettings: Route = async ({ state }, { body, note }) => {
  const wanted = body as { persistent?: Record<string, unknown>; transient?: Record<string, unknown> };
  const answer = state.change(({ persistent, transient }) => {
    put(persistent, wanted.persistent);
    put(transient, wanted.transient);
    return { acknowledged: true, persistent: shownOf(persistent), transient };
  });
  note('settings', JSON.stringify(wanted.persistent));
  await sleep(ANSWER_AFTER_MS);
  return ok(answer);
};

const settings: Route = ({ state }, { query }) => {
  const { persistent, transient } = state.read();
  return ok({ persistent: shownOf(persistent), transient, ...(query.has('include_defaults') ? { defaults: {} } : {}) });
};

/** The certificates of a PEM file, read anew for each answer as Elasticsearch does. */
const certificatesIn = (file: string) =>
  (
    (existsSync(file) ? readFileSync(file, 'utf8') : '').match(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
    ) ?? []
  )
    .map((pem) => new X509Certificate(pem))
    .map(({ subject, issuer, serialNumber, validToDate }) => ({
      ...{ format: 'PEM', alias: null, subject_dn: subject, issuer, serial_number: serialNumber.toLowerCase() },
      ...{ has_private_key: false, expiry: validToDate.toISOString() },
    }));

const disk = { fs: { total: { total_in_bytes: 100e9, available_in_bytes: 60e9 } } };

const routes: Readonly<Record<string, Route>> = {
  'HEAD /': () => ok(null),
  'GET /': ({ cluster, state, self }) =>
    ok({
      name: self.name,
      cluster_name: cluster,
      cluster_uuid: state.read().uuid,
      version: { number: VERSION, build_flavor: 'default', minimum_wire_compatibility_version: '8.19.0' },
      tagline: 'You Know, for Search',
    }),
  ...securityRoutes,
  'GET /_license': () => ok({ license: { status: 'active', type: 'trial' } }),
  'GET /_cluster/health': ({ state, all, cluster }) =>
    ok({ cluster_name: cluster, ...healthOf(all, state.nodes(), Date.now()) }),
  'GET /_cluster/settings': settings,
  'PUT /_cluster/settings': putSettings,
  'GET /_cluster/state/master_node': ({ state }) => ok({ master_node: elected(state.nodes()) }),
  'GET /_cluster/state/nodes,routing_table': clusterState,
  'GET /_cluster/state/nodes,metadata,routing_table': clusterState,
  'GET /_nodes/settings,process,jvm,transport,remote_cluster_server': ({ state }) =>
    ok({ nodes: byId(state.nodes(), nodeBody) }),
  // Asked by the coordinator's look at certificates. Without TLS on their transport ports cheap nodes show none there.
  'GET /_nodes/http,remote_cluster_server,transport': ({ state }) => ok({ nodes: byId(state.nodes(), published) }),
  'GET /_nodes/stats/fs': ({ state }) => ok({ nodes: byId(state.nodes(), ({ name }) => ({ name, ...disk })) }),
  'GET /_snapshot/_status': () => ok({ snapshots: [] }),
  'GET /_flush': () => ok({ _shards: { total: 4, successful: 4, failed: 0 } }),
  'GET /_ssl/certificates': ({ configuredFiles: { keystores, authorities }, configDir }) =>
    ok([
      // Nobody asks what stands in them.
      ...keystores.map((path) => ({
        ...{ path, format: 'PKCS12', alias: 'node', subject_dn: `CN=${path}`, issuer: `CN=${path}` },
        ...{ serial_number: '1', has_private_key: true, expiry: '2036-01-01T00:00:00.000Z' },
      })),
      ...authorities.flatMap((path) => certificatesIn(join(configDir, path)).map((one) => ({ path, ...one }))),
    ]),
  'POST /_nodes/_local/reload_secure_settings': ({ self, reload }, { note }) => {
    reload();
    note('reload', '');
    return ok({ nodes: { [self.id]: { name: self.name } } });
  },
  'GET /_remote/info': () => ok({}),
  'GET /*,.*/_ccr/info': () => ok({ follower_indices: [] }),
  'GET /_ccr/auto_follow': () => ok({ patterns: [] }),
};

const routeOf = (method: string, path: string): Route | undefined => {
  const asked = `${method} ${path}`;
  const whole = routes[asked];
  if (whole) return whole;
  const found = namedSecurityRoutes.find(([pattern]) => pattern.test(asked));
  if (!found) return undefined;
  const [pattern, route] = found;
  return (view, more) => route(view, more, pattern.exec(asked)?.slice(1) ?? []);
};

const unknown = (method: string, path: string): Answer => ({
  status: 400,
  body: { error: { type: 'illegal_argument_exception', reason: `the cheap node does not know ${method} ${path}` } },
});

/** Answers a request as Elasticsearch would: 401 without the right credential, 400 for what it does not know. */
export const answer = async (view: NodeView, request: IncomingMessage, body: unknown): Promise<Answer> => {
  const { method = 'GET', headers, socket } = request;
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://node');
  const path = decodeURIComponent(pathname);
  const expected = `Basic ${Buffer.from(`elastic:${view.password}`).toString('base64')}`;
  const isOther = path === '/_security/_authenticate' && logsIn(view.state, headers.authorization);
  if (headers.authorization !== expected && !isOther)
    return {
      status: 401,
      body: { error: { type: 'security_exception', reason: 'missing authentication credentials' } },
    };
  const note: Asked['note'] = (what, detail) => {
    const at = Date.now();
    // One that was killed since it asked is known only from before.
    const caller = view.callerAtConnection(socket) ?? callerOf(socket, view.state.callers());
    view.state.note({ at, node: view.self.name, what, detail, caller });
  };
  const [, alias, index] = (method === 'GET' && /^\/_resolve\/cluster\/([^:]+):(.+)$/.exec(path)) || [];
  if (alias && index) return ok(await resolveAlias(view, alias, index));
  const route = routeOf(method, path);
  return route ? route(view, { query, body, path, note }) : unknown(method, path);
};
