import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

const tags = ['secrets'];
const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 201 }) });
const Value = Type.Object(
  { value: Type.String({ minLength: 1, maxLength: 128 * 1024 }) },
  { additionalProperties: false },
);

/** Values go in and never come out. */
export const secretRoutes = (app: App, { secrets }: Pick<Services, 'secrets'>): void => {
  app.get(
    '/secrets',
    { schema: { tags, summary: 'Names of the secrets that were set', response: { 200: Type.Array(Type.String()) } } },
    () => secrets.list(),
  );
  app.put(
    '/secrets/:name',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Write a new version', params: Name, body: Value, response: { 204: Type.Null() } },
    },
    async ({ params, body, actor }, reply) => {
      await secrets.set(params.name, body.value, actor);
      return reply.code(204).send(null);
    },
  );
  app.delete(
    '/secrets/:name',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Remove with all versions', params: Name, response: { 204: Type.Null() } },
    },
    async ({ params, actor }, reply) => {
      await secrets.remove(params.name, actor);
      return reply.code(204).send(null);
    },
  );
};
