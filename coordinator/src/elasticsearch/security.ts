import type { Client } from '@elastic/elasticsearch';
import type { RoleBody, UserBody } from '../plan/roles/definition.ts';
import { explain, statusOf } from './client.ts';

const nothing =
  (absent: unknown) =>
  (error: unknown): never => {
    if (statusOf(error) === 404) return absent as never;
    throw error;
  };

const securityPath = (what: 'role' | 'user', name: string): string => `/_security/${what}/${encodeURIComponent(name)}`;

/** What a cluster answers of a role but does not take. */
const roleOf = ({ transient_metadata: _, ...body }: RoleBody): RoleBody => body;

interface AnsweredUser extends UserBody {
  readonly username: string;
}

const userOf = ({ roles, full_name, email, metadata, enabled }: AnsweredUser): UserBody => ({
  ...{ roles, full_name: full_name ?? null, email: email ?? null, metadata: metadata ?? {}, enabled },
});

const read = async <T>(client: Client, cluster: string, path: string): Promise<Readonly<Record<string, T>>> => {
  try {
    return await client.transport.request<Record<string, T>>({ method: 'GET', path }).catch(nothing({}));
  } catch (error) {
    throw explain(error, cluster, `Reading ${path}`);
  }
};

/** One role; null where the cluster has none of this name. Roles of files are not told. */
export const findRole = async (client: Client, cluster: string, name: string): Promise<RoleBody | null> => {
  const found = (await read<RoleBody>(client, cluster, securityPath('role', name)))[name];
  return found === undefined ? null : roleOf(found);
};

/** One user of the native realm, or one that Elasticsearch brings; null where there is none of this name. */
export const findUser = async (client: Client, cluster: string, name: string): Promise<UserBody | null> => {
  const found = (await read<AnsweredUser>(client, cluster, securityPath('user', name)))[name];
  return found === undefined ? null : userOf(found);
};

/** Writes a role, or removes it (null). Sent again, it changes nothing more. */
export const putRole = async (client: Client, cluster: string, name: string, body: RoleBody | null): Promise<void> => {
  const path = securityPath('role', name);
  try {
    if (body === null) await client.transport.request({ method: 'DELETE', path }).catch(nothing(null));
    else await client.transport.request({ method: 'PUT', path, body });
  } catch (error) {
    throw explain(error, cluster, `${body === null ? 'Removing' : 'Writing'} role ${name}`);
  }
};

/** The same of a user. Without a password the one that it has stays; a new user needs one. */
export const putUser = async (
  client: Client,
  cluster: string,
  name: string,
  body: UserBody | null,
  password: string | null,
): Promise<void> => {
  const path = securityPath('user', name);
  try {
    if (body === null) await client.transport.request({ method: 'DELETE', path }).catch(nothing(null));
    else
      await client.transport.request({
        ...{ method: 'PUT', path },
        body: { ...body, ...(password === null ? {} : { password }) },
      });
  } catch (error) {
    throw explain(error, cluster, `${body === null ? 'Removing' : 'Writing'} user ${name}`);
  }
};
