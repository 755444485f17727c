import Type, { type Static } from 'typebox';

/** RFC 9457 problem details, with the code of the error table and what to do. */
export const Problem = Type.Object({
  /** `urn:remora:error:CODE` */
  type: Type.String(),
  /** What the code means. */
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  /** What was tried, where, and what came back. */
  detail: Type.String(),
  hint: Type.String(),
  /** Further findings of the same kind, a sentence each. */
  findings: Type.Array(Type.String()),
});
export type Problem = Static<typeof Problem>;
