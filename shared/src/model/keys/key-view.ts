import Type, { type Static } from 'typebox';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const keyLevels = ['ok', 'warning', 'critical'] as const;

/** A cross-cluster API key as a cluster knows it, and what Remora knows of it. */
export const KeyView = Type.Object({
  /** The remote cluster, which made the key. */
  cluster: Type.String(),
  id: Type.String(),
  name: Type.String(),
  /** ISO 8601; null for no end. */
  expiresAt: Nullable(Type.String()),
  invalidated: Type.Boolean(),
  /** Those that have it on record, `LOCAL/ALIAS`. */
  connections: Type.Array(Type.String()),
  /** For whom it was made, where their cluster is not managed here. Absent otherwise. */
  for: Type.Optional(Type.String()),
  createdAt: Type.String(),
  /** The user of the remote cluster that it belongs to. */
  owner: Type.String(),
  /** What it grants, in words. */
  access: Type.String(),
  /** Made by Remora, by what its metadata says. */
  managed: Type.Boolean(),
  level: Type.Enum([...keyLevels]),
  /** What is wrong with it, a sentence each with what to do. */
  findings: Type.Array(Type.String()),
});
export type KeyView = Static<typeof KeyView>;

/** All keys of the clusters that answered, and why others did not. */
export const KeyList = Type.Object({ keys: Type.Array(KeyView), problems: Type.Array(Type.String()) });
export type KeyList = Static<typeof KeyList>;
