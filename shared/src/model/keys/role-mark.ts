import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { RoleApplyRequest } from '../requests/role-request.ts';

/** What a role shall grant, as it was asked for; kept in the metadata of the role, so that drift shows. */
const RoleWish = Type.Pick(RoleApplyRequest, [
  'search',
  'replication',
  'followers',
  'localRead',
  'remoteCluster',
  'restricted',
]);
export type RoleWish = Static<typeof RoleWish>;

/** What Remora notes in the metadata of its roles. */
const RoleMark = Type.Object({
  local: Type.String(),
  /** For people where somebody else runs it. */
  remote: Type.Optional(Type.String()),
  alias: Type.String(),
  auth: Type.Enum(['api_key', 'certificate']),
  wish: RoleWish,
  /** Users to whom Remora gave the role. */
  users: Type.Array(Type.String()),
  /** Others had made it: it outlives the connection. */
  adopted: Type.Optional(Type.Literal(true)),
  /** Begins the hash of what it grants. */
  config: Type.String(),
});
export type RoleMark = Static<typeof RoleMark>;

/** Whether it is such a note: somebody may have written anything there. */
export const isRoleMark = (value: unknown): value is RoleMark => Value.Check(RoleMark, value);
