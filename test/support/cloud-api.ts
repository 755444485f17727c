import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeystoreContents, UpdateRequest } from './cloud-api-shapes.ts';
import type { Shape } from './json-shape.ts';

/**
 * Stands for the Elastic Cloud API, which is another company's service: the paths, parameters and bodies that Remora uses, by its published schema. What that does not have
 * is refused, and so is a request without the right API key.
 */

export interface FakeDeployment {
  readonly id: string;
  readonly name: string;
  readonly refId: string;
  version: number;
  /** As the API tells it; a key that is not told is passed through. */
  trust: Record<string, unknown>;
  readonly plan: Record<string, unknown>;
  keystore: Record<string, unknown>;
  /** How often it is still said that a change is carried out. */
  pendingReads: number;
  /** The last change of it failed. */
  hasFailed: boolean;
  /** By which a change of another version is refused, which the schema does not say. */
  readonly conflictStatus: number;
  readonly endpoint: string;
  /** Name of the endpoint; the API need not tell it. */
  readonly host: string | undefined;
  ca: string;
}

interface Fault {
  /** Of the requests to come, how many. */
  times: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Closes the connection in the place of an answer; with `after` once it took effect. */
  readonly cut?: 'before' | 'after';
  readonly delayMs?: number;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly version?: number;
}

const failed = (status: number, code: string, message: string, fields?: readonly string[]): Answer => ({
  status,
  body: { errors: [{ code, message, ...(fields ? { fields } : {}) }] },
});

const UPDATE_PARAMETERS = ['hide_pruned_orphans', 'skip_snapshot', 'validate_only', 'version'];
const SHOW_PARAMETERS = [
  ...['show_security', 'show_metadata', 'show_plans', 'show_plan_logs', 'show_plan_history', 'show_plan_defaults'],
  ...['convert_legacy_plans', 'show_system_alerts', 'show_settings', 'show_instance_configurations'],
  ...['enrich_with_template', 'force_all_plan_history', 'clear_transient'],
];

export class CloudApi implements AsyncDisposable {
  readonly deployments: FakeDeployment[] = [];
  /** `METHOD PATH` of every request that came. */
  readonly requests: string[] = [];
  readonly apiKey = 'cloud-api-key';
  fault: Fault | null = null;
  /** Called once a deployment was changed, before that is answered. */
  onUpdate: () => void | Promise<void> = () => {};
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  static async start(): Promise<CloudApi> {
    const api = new CloudApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(more: Partial<FakeDeployment> & Pick<FakeDeployment, 'id' | 'name'>): FakeDeployment {
    const made: FakeDeployment = {
      ...{ refId: 'main-elasticsearch', version: 1, trust: {}, keystore: {}, pendingReads: 0, hasFailed: false },
      conflictStatus: 409,
      plan: { cluster_topology: [{ id: 'hot_content', zone_count: 2 }], elasticsearch: { version: '9.1.0' } },
      ...{
        endpoint: `https://${more.name}.es.example.com`,
        host: `${more.id}.es.example.com`,
        ca: 'PEM of the region',
      },
      ...more,
    };
    this.deployments.push(made);
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    const body = request.method === 'GET' ? undefined : await json(request).catch(() => undefined);
    const fault = this.fault !== null && this.fault.times > 0 ? this.fault : null;
    if (fault) fault.times -= 1;
    if (fault?.delayMs) await sleep(fault.delayMs);
    if (fault?.cut === 'before') return void response.destroy();
    if (fault?.status !== undefined) {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    const { status, body: answer, version } = this.#answer(request, url, body);
    if (request.method !== 'GET' && status === 200) await this.onUpdate();
    if (fault?.cut === 'after') return void response.destroy();
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(version === undefined ? {} : { 'x-cloud-resource-version': String(version) }),
    });
    response.end(fault?.body ?? JSON.stringify(answer));
  }

  #answer({ method = '', headers }: IncomingMessage, url: URL, body: unknown): Answer {
    if (headers.authorization !== `ApiKey ${this.apiKey}`)
      return failed(401, 'root.unauthenticated', 'The supplied authentication is invalid');
    const [, path = ''] = /^\/api\/v1(\/.*)$/.exec(url.pathname) ?? [];
    if (method === 'GET' && path === '/deployments') return this.#list();
    const [, id = '', below = ''] = /^\/deployments\/([^/]+)(\/.*)?$/.exec(path) ?? [];
    const known = ['', '/certificate-authority'].includes(below) || /^\/elasticsearch\/[^/]+\/keystore$/.test(below);
    if (id === '' || !known) return failed(404, 'root.resource_not_found', 'The requested resource could not be found');
    const found = this.deployments.find((one) => one.id === id);
    if (!found) return failed(404, 'deployments.deployment_not_found', `The deployment [${id}] was not found`);
    if (below === '/certificate-authority' && method === 'GET') return authority(found);
    if (below.endsWith('/keystore')) return keystore(found, method, below.split('/')[2] ?? '', body);
    if (below === '' && method === 'GET') return shown(found, url.searchParams);
    if (below === '' && method === 'PUT') return update(found, url.searchParams, body);
    return failed(405, 'root.method_not_allowed', `HTTP method not allowed: ${method}`);
  }

  #list(): Answer {
    const deployments = this.deployments.map(({ id, name, refId }) => ({
      ...{ id, name },
      resources: [{ id: `es-${id}`, ref_id: refId, kind: 'elasticsearch', region: 'eu-west-1' }],
    }));
    return { status: 200, body: { deployments } };
  }
}

const authority = ({ id, ca }: FakeDeployment): Answer => ({
  status: 200,
  body: {
    recommended_trust_restriction: `*.node.es-${id}.cluster.1053523734.account`,
    public_certificates: [
      { active: false, pem: `${ca}, the next one`, metadata: {} },
      { active: true, pem: ca, metadata: {} },
    ],
  },
});

const unknownParameter = (query: URLSearchParams, known: readonly string[]): string | undefined =>
  [...query.keys()].find((name) => !known.includes(name));

const lastingPlan = ({ plan: { transient: _, ...lasting } }: FakeDeployment) => lasting;

const shown = (found: FakeDeployment, query: URLSearchParams): Answer => {
  const unknown = unknownParameter(query, SHOW_PARAMETERS);
  if (unknown !== undefined) return failed(400, 'root.invalid_data', `Unknown query parameter [${unknown}]`);
  const { id, name, refId, trust, keystore, endpoint, host, version, hasFailed } = found;
  const plan = query.get('clear_transient') === 'true' ? lastingPlan(found) : found.plan;
  const hasPlans = query.get('show_plans') !== 'false';
  const isPending = found.pendingReads > 0;
  found.pendingReads = Math.max(0, found.pendingReads - 1);
  const info = {
    ...{ cluster_id: `es-${id}`, cluster_name: name, healthy: true, status: 'started' },
    metadata: { version: 1, last_modified: '2026-01-01T00:00:00Z', service_url: endpoint, endpoint: host },
    plan_info: {
      healthy: !hasFailed,
      history: [],
      ...(hasPlans ? { current: { healthy: true, plan } } : {}),
      ...(isPending ? { pending: { plan } } : {}),
    },
    ...(query.get('show_settings') === 'true'
      ? { settings: { dedicated_masters_threshold: 6, trust, keystore_contents: redacted(keystore) } }
      : {}),
  };
  const elasticsearch = [{ ref_id: refId, id: `es-${id}`, region: 'eu-west-1', info }];
  return { status: 200, version, body: { id, name, healthy: true, resources: { elasticsearch, kibana: [] } } };
};

const redacted = (contents: Readonly<Record<string, unknown>>) => ({
  secrets: Object.fromEntries(Object.keys(contents).map((name) => [name, { as_file: false }])),
});

const checked = (shape: Shape, body: unknown): Answer | null => {
  const problem = shape(body, '');
  return problem === null ? null : failed(400, 'root.malformed_request', `The request is malformed: ${problem}`);
};

const keystore = (found: FakeDeployment, method: string, refId: string, body: unknown): Answer => {
  if (refId !== found.refId && refId !== '_main')
    return failed(404, 'deployments.deployment_resource_not_found', `The resource [${refId}] was not found`);
  if (method === 'GET') return { status: 200, body: redacted(found.keystore) };
  if (method !== 'PATCH') return failed(405, 'root.method_not_allowed', `HTTP method not allowed: ${method}`);
  const wrong = checked(KeystoreContents, body);
  if (wrong) return wrong;
  const { secrets } = body as { secrets: Record<string, { value?: unknown }> };
  for (const [name, { value }] of Object.entries(secrets)) {
    if (value === undefined) delete found.keystore[name];
    else found.keystore[name] = value;
  }
  return { status: 200, body: redacted(found.keystore) };
};

interface Relationship {
  readonly name: string;
  readonly type?: string;
  readonly trust_all: boolean;
  readonly scope_id?: string;
  readonly trust_allowlist?: readonly string[];
  readonly additional_node_names?: readonly string[];
}

/** What the schema says in words. */
const misfit = ({
  type,
  trust_all: all,
  scope_id: scope,
  trust_allowlist: list = [],
  additional_node_names: names,
}: Relationship) => {
  if (type === 'proxy')
    return all || scope !== undefined || list.length > 0 || names !== undefined
      ? 'A trust of the type proxy has no trust_all, scope_id, trust_allowlist and additional_node_names'
      : null;
  if (scope === undefined && (all || list.length > 0)) return 'scope_id is required';
  return scope === undefined && (names ?? []).length === 0
    ? 'additional_node_names is required without a scope_id'
    : null;
};

const update = (found: FakeDeployment, query: URLSearchParams, body: unknown): Answer => {
  const unknown = unknownParameter(query, UPDATE_PARAMETERS);
  if (unknown !== undefined) return failed(400, 'root.invalid_data', `Unknown query parameter [${unknown}]`);
  const wrong = checked(UpdateRequest, body);
  if (wrong) return wrong;
  const { prune_orphans: prunes, resources } = body as {
    prune_orphans: boolean;
    resources?: {
      elasticsearch?: {
        ref_id: string;
        display_name?: string;
        plan: unknown;
        settings?: { trust?: Record<string, unknown> };
      }[];
    };
  };
  const version = query.get('version');
  if (version !== null && version !== String(found.version))
    return failed(
      found.conflictStatus,
      'deployments.version_conflict',
      `Version conflict: [${version}] is not [${found.version}]`,
    );
  const [resource] = resources?.elasticsearch ?? [];
  if (resource && resource.ref_id !== found.refId)
    return failed(404, 'deployments.deployment_resource_not_found', `The resource [${resource.ref_id}] was not found`);
  const isSame =
    resource?.display_name === found.name && JSON.stringify(resource?.plan) === JSON.stringify(lastingPlan(found));
  if (prunes || !isSame || found.pendingReads > 0)
    return failed(400, 'test.changes_more', 'The request would change more than trust');
  const trust = resource?.settings?.trust;
  for (const one of (trust?.direct ?? []) as Relationship[]) {
    const why = misfit(one);
    if (why !== null) return failed(400, 'clusters.cluster_trust_invalid', why, ['trust.direct']);
  }
  if (trust)
    found.trust = { ...trust, ...(trust.direct ? { direct: identified(trust.direct as Relationship[]) } : {}) };
  found.version += 1;
  found.pendingReads = 1;
  return { status: 200, version: found.version, body: { id: found.id, name: found.name, resources: [] } };
};

let made = 0;

/** Each relationship gets an identifier of its own. */
const identified = (all: readonly (Relationship & { readonly uid?: string })[]) =>
  all.map((one) => {
    made += 1;
    return { ...one, uid: one.uid ?? `uid-${made}` };
  });
