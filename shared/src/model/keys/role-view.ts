import Type, { type Static } from 'typebox';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A role of a cluster that grants something over aliases, or that Remora made for a connection. */
export const RoleView = Type.Object({
  cluster: Type.String(),
  name: Type.String(),
  /** Made by Remora, by what its metadata says. */
  managed: Type.Boolean(),
  /** The connection that it was made for, `LOCAL/ALIAS`. */
  connection: Nullable(Type.String()),
  /** What it grants, a line each. */
  grants: Type.Array(Type.String()),
  /** Users of that cluster who have it. */
  users: Type.Array(Type.String()),
  /** What became different since Remora made it, a sentence each. */
  drift: Type.Array(Type.String()),
});
export type RoleView = Static<typeof RoleView>;

/** Roles of the clusters that answered, and why others did not. */
export const RoleList = Type.Object({ roles: Type.Array(RoleView), problems: Type.Array(Type.String()) });
export type RoleList = Static<typeof RoleList>;

/** Whether users with a role get over a connection what the role grants. */
export const RoleCheck = Type.Object({
  cluster: Type.String(),
  name: Type.String(),
  managed: Type.Boolean(),
  ok: Type.Boolean(),
  /** What they do not get, or what became different, a sentence each. */
  findings: Type.Array(Type.String()),
});
export type RoleCheck = Static<typeof RoleCheck>;
