import Type, { type Static } from 'typebox';
import { type ErrorCode, errorTable } from '../errors.ts';
import { type OperationCall, type OperationName, type OperationResult, operations } from '../operations.ts';

/**
 * A delivery hands operations to an agent. It is sent at least once and takes effect once: the agent answers a delivery that it has seen with the
 * recorded result, and one that it is carrying out with nothing until it is done. A new attempt is a new delivery.
 *
 * Either all operations read (then nothing is journaled, and the id is free to choose), or all change: then they are one transaction in the given order,
 * `id` is `RUN/STEP/ATTEMPT`, and `fence` is the fence of the run's driver; an agent refuses a fence lower than the highest one it saw.
 */

const call = (name: OperationName) => Type.Object({ name: Type.Literal(name), input: operations[name].input });

/** coordinator -> agent */
export const Deliver = Type.Object({
  type: Type.Literal('deliver'),
  id: Type.String({ minLength: 1, maxLength: 300 }),
  /** 0 for reads. */
  fence: Type.Integer({ minimum: 0 }),
  operations: Type.Array(Type.Union((Object.keys(operations) as OperationName[]).map(call)), {
    minItems: 1,
    maxItems: 20,
  }),
  /** The moment for it is over: the agent answers or goes on with what it began, and refuses (`delivery-late`, not journaled) what it never saw. */
  onlyIfKnown: Type.Optional(Type.Boolean()),
});
export type Deliver = Omit<Static<typeof Deliver>, 'operations'> & { operations: OperationCall[] };

/**
 * How a delivery ended.
 *   done       took effect, verified
 *   refused    nothing was changed: the reason is in `error` (a check before the change did not hold, a stale fence, bad input)
 *   undone     something failed after a change; everything is as before again
 *   contested  somebody else changed the same thing meanwhile, or undo was not possible: people have to look
 */
export const outcomes = ['done', 'refused', 'undone', 'contested'] as const;
export type Outcome = (typeof outcomes)[number];

/** agent -> coordinator; sent again at every new session until `acknowledged`. */
export const Result = Type.Object({
  type: Type.Literal('result'),
  id: Type.String(),
  outcome: Type.Enum(outcomes),
  /** One result an operation, in order; only when done. */
  results: Type.Array(Type.Unknown()),
  error: Type.Union([
    Type.Null(),
    Type.Object({
      code: Type.Enum(Object.keys(errorTable) as ErrorCode[]),
      message: Type.String(),
      hint: Type.Optional(Type.String()),
    }),
  ]),
});
export type Result = Static<typeof Result>;

/** coordinator -> agent: the result is recorded and need not be sent again. */
export const Acknowledge = Type.Object({ type: Type.Literal('acknowledge'), id: Type.String() });
export type Acknowledge = Static<typeof Acknowledge>;

/** agent -> coordinator while a transaction goes on; for people, may be lost. */
export const Progress = Type.Object({
  type: Type.Literal('progress'),
  id: Type.String(),
  /** What is being done, in a few words: `writing elasticsearch.yml`, `stopping`, `starting`, `waiting for HTTP`. */
  phase: Type.String({ maxLength: 200 }),
});
export type Progress = Static<typeof Progress>;

/** The results of a delivery of one operation, typed. */
export type ResultOf<N extends OperationName> = OperationResult<N>;
