import { parseDuration } from '@remora/shared/model/values/duration.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

const TokenBody = Type.Object(
  {
    cluster: Type.String({ minLength: 1 }),
    /** A duration such as `1h`, the default. */
    ttl: Type.Optional(Type.String()),
    uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  { additionalProperties: false },
);
const TokenAnswer = Type.Object({ token: Type.String(), expiresAt: Type.String() });

/** Not idempotent: the answer holds a secret, which is never stored; a token whose answer was lost expires unused. */
export const tokenRoutes = (app: App, { tokens }: Pick<Services, 'tokens'>): void => {
  app.post(
    '/tokens',
    { schema: { tags: ['tokens'], summary: 'Make a join token', body: TokenBody, response: { 201: TokenAnswer } } },
    async ({ body, actor }, reply) => {
      const wanted = { cluster: body.cluster, ttlMs: parseDuration(body.ttl ?? '1h'), uses: body.uses ?? 1 };
      const made = await tokens.create(wanted, actor);
      return reply.code(201).send(made);
    },
  );
};
