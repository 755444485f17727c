import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseAlias, parseClusterName } from '../values/names.ts';

const Name = Type.String({ minLength: 1, maxLength: 1024 });

/** What `disconnect` asks for: a connection that Remora manages goes, with all that Remora made for it and that nothing else uses. */
export const DisconnectRequest = Type.Object(
  {
    local: Name,
    alias: Name,
    /** The CA file of the local nodes and the settings that name it stay: without them each local node would have to restart. */
    keepTrust: Type.Optional(Type.Literal(true)),
    /** The remote cluster server stays on, with its certificates: without it each remote node would have to restart. */
    keepServer: Type.Optional(Type.Literal(true)),
    /** Follower indices and auto-follow patterns that use the alias are left to stand still. */
    leaveFollowers: Type.Optional(Type.Literal(true)),
    /** The remote cluster is gone for good: only what is on the local cluster goes, and the API key cannot be invalidated. */
    remoteGone: Type.Optional(Type.Literal(true)),
    /** The local cluster is gone for good: nothing of it is asked or changed, and what the remote one has for the connection goes. */
    localGone: Type.Optional(Type.Literal(true)),
    /** Roles on the remote cluster that Remora made for the connection by certificate, and that nobody else uses, go too. */
    removeRoles: Type.Optional(Type.Literal(true)),
    /** Nodes that are away are left until their agents are back; for a run that waits for them (`waitOffline` of the options). */
    waitOffline: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type DisconnectRequest = Static<typeof DisconnectRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkDisconnectRequest = (request: DisconnectRequest): void => {
  const { local, alias, localGone, remoteGone, leaveFollowers, removeRoles } = request;
  parseClusterName(local);
  parseAlias(alias);
  if (localGone && leaveFollowers)
    throw new RemoraError(
      'bad-input',
      '--leave-followers: with --local-gone nobody is asked what follows over the alias. Leave the flag out.',
    );
  if (remoteGone && removeRoles)
    throw new RemoraError(
      'bad-input',
      '--remove-roles: the roles are on the remote cluster, of which nothing is changed with --remote-gone. Leave the flag out.',
    );
};
