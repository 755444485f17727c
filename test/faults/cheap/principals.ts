import type { Answer } from './route.ts';
import type { SharedState } from './state.ts';

/** Roles and users, as `_security` keeps them. */
type Kind = 'role' | 'user';

const named = (state: SharedState, kind: Kind): Record<string, object> => {
  const { roles, users } = state.read();
  return kind === 'role' ? roles : users;
};

/** Nobody is told a password. */
const shown = ({ password: _, ...principal }: { readonly password?: string }): object => principal;

/** Whether somebody may log in so, by `Basic` of the header. */
export const logsIn = (state: SharedState, header: string | undefined): boolean => {
  const [name = '', password] = Buffer.from((header ?? '').replace('Basic ', ''), 'base64')
    .toString()
    .split(':');
  const user = named(state, 'user')[name] as { readonly password?: string } | undefined;
  return user?.password !== undefined && user.password === password;
};

export const findPrincipals = (state: SharedState, kind: Kind, name: string | undefined): Answer => {
  const all = named(state, kind);
  const found = Object.entries(all).filter(([one]) => name === undefined || one === name);
  const body = Object.fromEntries(found.map(([one, principal]) => [one, shown(principal)]));
  return { status: name === undefined || found.length > 0 ? 200 : 404, body };
};

/** What Elasticsearch answers beside what it was given. */
const kept = (kind: Kind, name: string, body: object): object =>
  kind === 'role'
    ? { cluster: [], indices: [], applications: [], run_as: [], metadata: {}, ...body, transient_metadata: {} }
    : { username: name, ...body };

/** Without a body it is removed. A user that is made needs a password. */
export const putPrincipal = (state: SharedState, kind: Kind, name: string, body: object | null): Answer =>
  state.change(({ roles, users }) => {
    const all = kind === 'role' ? roles : users;
    const isThere = name in all;
    if (body === null) {
      delete all[name];
      return { status: isThere ? 200 : 404, body: { found: isThere } };
    }
    if (kind === 'user' && !isThere && !('password' in body))
      return { status: 400, body: { error: { type: 'validation_exception', reason: 'password is missing' } } };
    // A user keeps the password where none is given.
    const { password } = (all[name] ?? {}) as { readonly password?: string };
    all[name] = { ...(password === undefined ? {} : { password }), ...kept(kind, name, body) };
    return { status: 200, body: { created: !isThere } };
  });
