import { randomUUID } from 'node:crypto';
import type { Answer } from './route.ts';
import { type ApiKey, idOf, type SharedState } from './state.ts';

/** Cross-cluster API keys, as `_security` keeps them. */

interface Access {
  readonly search?: readonly { readonly names: readonly string[] }[];
  readonly replication?: readonly { readonly names: readonly string[] }[];
}

/** What a key grants, as the role that Elasticsearch makes of it. */
const rolesOf = ({ search = [], replication = [] }: Access) => ({
  cross_cluster: {
    cluster: [
      ...(search.length > 0 ? ['cross_cluster_search'] : []),
      ...(replication.length > 0 ? ['cross_cluster_replication'] : []),
    ],
    indices: [
      ...search.map(({ names }) => ({ names, privileges: ['read', 'read_cross_cluster', 'view_index_metadata'] })),
      ...replication.map(({ names }) => ({ names, privileges: ['cross_cluster_replication'] })),
    ],
  },
});

const shown = ({ secret: _, expiration, certificate_identity: identity, ...key }: ApiKey) => ({
  ...key,
  role_descriptors: rolesOf(key.access as Access),
  ...(expiration === null ? {} : { expiration }),
  ...(identity === null ? {} : { certificate_identity: identity }),
});

const matches = (key: ApiKey, query: URLSearchParams): boolean => {
  const [id, name] = [query.get('id'), query.get('name')];
  if (id !== null) return key.id === id;
  if (name === null) return true;
  return name.endsWith('*') ? key.name.startsWith(name.slice(0, -1)) : key.name === name;
};

export const findKeys = (state: SharedState, query: URLSearchParams): Answer => {
  const found = state.read().keys.filter((key) => matches(key, query));
  const isMissing = query.has('id') && found.length === 0;
  return { status: isMissing ? 404 : 200, body: { api_keys: found.map(shown) } };
};

interface CreateBody {
  readonly name: string;
  readonly access: unknown;
  readonly metadata: unknown;
  readonly certificate_identity?: string | null;
}

export const createKey = (state: SharedState, body: unknown) => {
  const { name, access, metadata, certificate_identity = null } = body as CreateBody;
  const secret = idOf(randomUUID());
  const key: ApiKey = {
    ...{ id: idOf(randomUUID()).slice(0, 20), name, secret, type: 'cross_cluster', access, metadata },
    ...{ username: 'elastic', creation: Date.now(), expiration: null, certificate_identity, invalidated: false },
  };
  state.change(({ keys }) => keys.push(key));
  return { id: key.id, name, api_key: secret, encoded: Buffer.from(`${key.id}:${secret}`).toString('base64') };
};

export const endKeys = (state: SharedState, ids: readonly string[]) =>
  state.change(({ keys }) => {
    const ended = keys.filter((key) => ids.includes(key.id) && !key.invalidated);
    for (const key of ended) key.invalidated = true;
    return { invalidated_api_keys: ended.map(({ id }) => id), previously_invalidated_api_keys: [], error_count: 0 };
  });

/** Of the parts of a key those that are given are changed. */
export const updateKey = (state: SharedState, id: string, body: unknown): Answer =>
  state.change(({ keys }) => {
    const key = keys.find((one) => one.id === id && !one.invalidated);
    if (key === undefined) return { status: 404, body: { error: { type: 'resource_not_found_exception' } } };
    Object.assign(key, body);
    return { status: 200, body: { updated: true } };
  });
