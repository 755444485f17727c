import Type from 'typebox';
import type { App } from './app-types.ts';

const Health = Type.Object({ status: Type.String() });

/** `/healthz`: the process answers. `/readyz`: its store answers too, so that a balancer may send it work. */
export const healthRoutes = (app: App, storeAnswers: () => Promise<void>): void => {
  const schema = { tags: ['health'], response: { 200: Health } };
  app.get('/healthz', { schema, logLevel: 'silent' }, () => ({ status: 'alive' }));
  app.get('/readyz', { schema, logLevel: 'silent' }, async () => {
    await storeAnswers();
    return { status: 'ready' };
  });
};
