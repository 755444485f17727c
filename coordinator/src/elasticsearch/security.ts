import type { Client } from '@elastic/elasticsearch';
import type { KeyGrants } from '../plan/roles/key-coverage.ts';
import type { neededPrivileges } from '../plan/roles/privileges.ts';
import type { RoleBody, UserBody } from '../plan/roles/role-definition.ts';
import { type ClusterAccess, explain, openClient, statusOf } from './client.ts';

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

/** All roles but those of files, by name. */
export const listRoles = async (client: Client, cluster: string): Promise<ReadonlyMap<string, RoleBody>> => {
  const all = await read<RoleBody>(client, cluster, '/_security/role');
  return new Map(Object.entries(all).map(([name, body]) => [name, roleOf(body)]));
};

/** All users of the native realm, and those that Elasticsearch brings, by name. */
export const listUsers = async (client: Client, cluster: string): Promise<ReadonlyMap<string, UserBody>> => {
  const all = await read<AnsweredUser>(client, cluster, '/_security/user');
  return new Map(Object.entries(all).map(([name, body]) => [name, userOf(body)]));
};

/** Names of role mappings that give a role by its name; those that make names by a template are not judged. */
export const mappingsOf = async (client: Client, cluster: string, role: string): Promise<string[]> => {
  const all = await read<{ readonly roles?: readonly string[] }>(client, cluster, '/_security/role_mapping');
  return Object.entries(all).flatMap(([name, { roles = [] }]) => (roles.includes(role) ? [name] : []));
};

/** Privileges that a role may have in `remote_cluster`, as this version knows them; none before 8.15. */
export const remoteClusterPrivileges = async (client: Client, cluster: string): Promise<readonly string[]> => {
  const path = '/_security/privilege/_builtin';
  const { remote_cluster: known } = await read<readonly string[]>(client, cluster, path);
  return known ?? [];
};

/** Those of these cluster privileges that the user behind the client lacks. */
export const lackedPrivileges = async (
  client: Client,
  cluster: string,
  privileges: readonly (typeof neededPrivileges)[number][],
): Promise<string[]> => {
  try {
    const held = await client.security.hasPrivileges({ cluster: [...privileges] });
    return privileges.filter((privilege) => held.cluster[privilege] !== true);
  } catch (error) {
    throw explain(error, cluster, 'Asking what the user may do');
  }
};

/** What a cross-cluster key grants, by its role descriptor; null where the cluster does not know the key (any more), or it was invalidated. */
export const findKeyGrants = async (client: Client, cluster: string, id: string): Promise<KeyGrants | null> => {
  interface Answer {
    readonly api_keys?: readonly {
      readonly invalidated?: boolean;
      readonly role_descriptors?: { readonly cross_cluster?: KeyGrants };
    }[];
  }
  const path = `/_security/api_key?id=${encodeURIComponent(id)}`;
  const { api_keys: keys = [] } = (await read(client, cluster, path)) as Answer;
  const [key] = keys;
  return key?.invalidated === true ? null : (key?.role_descriptors?.cross_cluster ?? null);
};

/** Whether somebody logs in with a password. */
export const logsIn = async (access: ClusterAccess): Promise<boolean> => {
  const client = await openClient(access);
  try {
    await client.security.authenticate();
    return true;
  } catch (error) {
    if (statusOf(error) === 401) return false;
    throw explain(error, access.name, `Logging in as ${access.user}`);
  } finally {
    await client.close();
  }
};
