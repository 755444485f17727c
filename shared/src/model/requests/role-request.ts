import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { patternProblem } from '../keys/index-pattern.ts';
import { parseAlias, parseClusterName } from '../values/names.ts';
import { parseSecretReference } from '../values/secret-reference.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });
const Texts = Type.Array(Text, { minItems: 1, maxItems: 200 });

/** What `roles apply` asks for: a role with which users of the local cluster may use a connection. */
export const RoleApplyRequest = Type.Object(
  {
    local: Text,
    alias: Text,
    name: Text,
    /** Index patterns of the remote cluster that may be searched. */
    search: Type.Optional(Texts),
    /** Index patterns of the remote cluster that may be replicated. */
    replication: Type.Optional(Texts),
    /** Indices of the local cluster that follow; absent: those of `replication`. */
    followers: Type.Optional(Texts),
    /** Indices of the local cluster that may be read too, as users of Kibana need. */
    localRead: Type.Optional(Texts),
    /** Privileges on the remote cluster itself, like `monitor_enrich`. */
    remoteCluster: Type.Optional(Texts),
    /** Patterns cover system indices too. */
    restricted: Type.Optional(Type.Literal(true)),
    /** Who gets the role; one that is not there is made with the password behind this reference. */
    user: Type.Optional(Type.Object({ name: Text, password: Type.Optional(Text) }, { additionalProperties: false })),
    /** A role of this name that others made is taken over. */
    adopt: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type RoleApplyRequest = Static<typeof RoleApplyRequest>;

/** What `roles remove` asks for. */
export const RoleRemoveRequest = Type.Object({ local: Text, alias: Text, name: Text }, { additionalProperties: false });
export type RoleRemoveRequest = Static<typeof RoleRemoveRequest>;

/** A user's password, as it is sent to be sealed; with `check` it is only told which secret it would be. */
export const GivenPassword = Type.Object(
  {
    ...{ local: Text, user: Text, password: Type.String({ minLength: 1, maxLength: 4096 }) },
    check: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type GivenPassword = Static<typeof GivenPassword>;

export const KeptPassword = Type.Object({ secret: Type.String(), kept: Type.Boolean() });
export type KeptPassword = Static<typeof KeptPassword>;

/** Name of the secret that holds a user's password: what is no sign of a secret's name is written as its number. */
export const userPasswordName = (local: string, user: string): string =>
  `users/${local}/${user.replace(/[^A-Za-z0-9.-]/g, (sign) => `_${sign.charCodeAt(0).toString(16)}`)}`;

function refuse(message: string): never {
  throw new RemoraError('bad-input', message);
}

/** By Elasticsearch's own rule for names of roles and users; here without the slash, which would end a secret's name, and the comma, at which Elasticsearch parts names when it is asked for one. */
const parsePrincipal = (what: string, text: string): string =>
  /^[\x21-\x2b\x2d\x2e\x30-\x7e]([\x20-\x2b\x2d\x2e\x30-\x7e]{0,198}[\x21-\x2b\x2d\x2e\x30-\x7e])?$/.test(text)
    ? text
    : refuse(
        `"${text}" is not a name of a ${what}: 1 to 200 letters, digits and signs of ASCII, no blank at either end, no "/" and no ",".`,
      );

/** Reads a user's name; throws `bad-input`. */
export const parseUserName = (text: string): string => parsePrincipal('user', text);

/** Throws `bad-input` that names what is wrong. */
export const checkRoleRemoveRequest = ({ local, alias, name }: RoleRemoveRequest): void => {
  parseClusterName(local);
  parseAlias(alias);
  parsePrincipal('role', name);
};

/** Throws `bad-input` that names what is wrong. */
export const checkRoleApplyRequest = (request: RoleApplyRequest): void => {
  checkRoleRemoveRequest(request);
  const { search, replication, followers, localRead, remoteCluster, restricted, user } = request;
  for (const pattern of [search, replication, followers, localRead].flatMap((patterns) => patterns ?? [])) {
    const problem = patternProblem(pattern);
    if (problem !== null) refuse(`"${pattern}" is not an index pattern: ${problem}.`);
  }
  if (followers !== undefined && replication === undefined)
    refuse('--followers says which indices follow: it needs --replication, which says what they follow.');
  if (search === undefined && replication === undefined && remoteCluster === undefined)
    refuse('The role would grant nothing over the connection: add --search PATTERNS or --replication PATTERNS.');
  if (restricted && search === undefined && replication === undefined)
    refuse('--restricted says that patterns cover system indices too: it needs --search or --replication.');
  if (user === undefined) return;
  parseUserName(user.name);
  if (user.password !== undefined) parseSecretReference(user.password);
};
