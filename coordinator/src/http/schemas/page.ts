import Type, { type Static } from 'typebox';
import type { Page } from '../../store/page.ts';

const USUAL_LIMIT = 50;

/** `limit` is 50 unless said, and 1000 at most. `before` is the id of the last one of the page before. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9]\\d{0,2}|1000)$' })),
    before: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  },
  { additionalProperties: false },
);

export const pageOf = ({ limit, before }: Static<typeof PageQuery>): Page => ({
  limit: Number(limit ?? USUAL_LIMIT),
  ...(before === undefined ? {} : { before }),
});
