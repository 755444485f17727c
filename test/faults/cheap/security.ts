import { setTimeout as sleep } from 'node:timers/promises';
import { createKey, endKeys, findKeys, updateKey } from './keys.ts';
import { findPrincipals, putPrincipal } from './principals.ts';
import { ANSWER_AFTER_MS, type Asked, type NodeView, ok, type Route } from './route.ts';

export const securityRoutes: Readonly<Record<string, Route>> = {
  'GET /_security/_authenticate': () => ok({ username: 'elastic', roles: ['superuser'], enabled: true }),
  'POST /_security/user/_has_privileges': (_, { body }) => {
    const asked = (body as { cluster: string[] }).cluster;
    return ok({ has_all_requested: true, cluster: Object.fromEntries(asked.map((name) => [name, true])) });
  },
  'GET /_security/user/_privileges': () =>
    ok({ cluster: ['all'], remote_indices: [{ names: ['*'], clusters: ['*'], privileges: ['all'] }] }),
  'GET /_security/api_key': ({ state }, { query }) => findKeys(state, query),
  'POST /_security/cross_cluster/api_key': async ({ state }, { body, note }) => {
    const made = createKey(state, body);
    note('key.create', made.id);
    await sleep(ANSWER_AFTER_MS);
    return ok(made);
  },
  'DELETE /_security/api_key': ({ state }, { body, note }) => {
    const { ids } = body as { ids: string[] };
    note('key.end', ids.join(','));
    return ok(endKeys(state, ids));
  },
  'GET /_security/role_mapping': () => ok({}),
  'GET /_security/privilege/_builtin': () => ok({ cluster: [], index: [], remote_cluster: ['monitor_enrich'] }),
};

type NamedRoute = (view: NodeView, asked: Asked, names: readonly string[]) => ReturnType<Route>;

/** Routes whose path has a name in it. */
export const namedSecurityRoutes: readonly (readonly [RegExp, NamedRoute])[] = [
  [
    /^GET \/_security\/(role|user)(?:\/(.+))?$/,
    ({ state }, _, [kind, name]) => findPrincipals(state, kind === 'user' ? 'user' : 'role', name),
  ],
  [
    /^(PUT|DELETE) \/_security\/(role|user)\/(.+)$/,
    async ({ state }, { body, note }, [method, kind, name = '']) => {
      const wanted = method === 'PUT' ? (body as object) : null;
      const answered = putPrincipal(state, kind === 'user' ? 'user' : 'role', name, wanted);
      note('principal', `${method} ${kind} ${name}`);
      await sleep(ANSWER_AFTER_MS);
      return answered;
    },
  ],
  [
    /^PUT \/_security\/cross_cluster\/api_key\/(.+)$/,
    async ({ state }, { body, note }, [id = '']) => {
      const answered = updateKey(state, id, body);
      note('key.update', id);
      await sleep(ANSWER_AFTER_MS);
      return answered;
    },
  ],
];
