import { randomUUID } from 'node:crypto';
import type { Answer } from './answers.ts';
import { type ApiKey, idOf, type SharedState } from './state.ts';

/** Cross-cluster API keys, as `_security` keeps them. */

const shown = ({ secret: _, expiration, ...key }: ApiKey) => ({
  ...key,
  ...(expiration === null ? {} : { expiration }),
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

export const createKey = (state: SharedState, body: unknown) => {
  const { name, access, metadata } = body as { name: string; access: unknown; metadata: unknown };
  const secret = idOf(randomUUID());
  const key: ApiKey = {
    ...{ id: idOf(randomUUID()).slice(0, 20), name, secret, type: 'cross_cluster', access, metadata },
    ...{ username: 'elastic', creation: Date.now(), expiration: null, invalidated: false },
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
