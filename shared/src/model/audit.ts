import Type, { type Static } from 'typebox';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** One entry of the audit log: who did what to what, and when. Names only, never a value of a secret. */
export const AuditEntry = Type.Object({
  /** Grows by one with each entry, from 1. */
  seq: Type.Integer(),
  /** ISO 8601 in UTC, by the clock of the coordinator that recorded it. */
  at: Type.String(),
  /** Whoever asked for it; `token ID` for an agent that joined. */
  actor: Type.String(),
  action: Type.String(),
  /** Clusters, CLUSTER/NODE, or the name of a secret. */
  target: Type.String(),
  runId: Nullable(Type.String()),
  planId: Nullable(Type.String()),
  stepId: Nullable(Type.String()),
  /** How a run or a step ended; null for what is done once it is recorded. */
  outcome: Nullable(Type.String()),
  /** A few words for people. */
  detail: Nullable(Type.String()),
  /** Hash of the entry before, 64 zeros for the first. */
  prev: Type.String(),
  hash: Type.String(),
});
export type AuditEntry = Static<typeof AuditEntry>;

/** What `audit verify` found. */
export const AuditVerdict = Type.Object({
  ok: Type.Boolean(),
  /** How many entries were found to fit. */
  entries: Type.Integer(),
  /** The oldest and the newest of them; null when there are none. */
  first: Nullable(Type.Integer()),
  last: Nullable(Type.Integer()),
  /** Hash of the newest of them; kept elsewhere, it shows later that nothing before it was rewritten. */
  hash: Nullable(Type.String()),
  /** The first entry that does not fit, and why. */
  problem: Nullable(Type.Object({ seq: Type.Integer(), message: Type.String() })),
});
export type AuditVerdict = Static<typeof AuditVerdict>;
