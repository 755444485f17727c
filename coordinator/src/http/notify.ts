import { WebhookRequest, WebhookTest, WebhookView } from '@remora/shared/model/webhook.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

const tags = ['notifications'];
const ADDRESS = '/notifications/webhook';

export const notifyRoutes = (app: App, { notify }: Pick<Services, 'notify'>): void => {
  app.get(ADDRESS, { schema: { tags, summary: 'Where news go', response: { 200: WebhookView } } }, () => notify.show());
  app.put(
    ADDRESS,
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Send news there', body: WebhookRequest, response: { 204: Type.Null() } },
    },
    async ({ body, actor }, reply) => {
      await notify.set(body, actor);
      return reply.code(204).send(null);
    },
  );
  app.post(
    `${ADDRESS}/test`,
    { schema: { tags, summary: 'Send a test message once', response: { 200: WebhookTest } } },
    () => notify.test(),
  );
  app.delete(
    ADDRESS,
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Send news nowhere', response: { 204: Type.Null() } },
    },
    async ({ actor }, reply) => {
      await notify.remove(actor);
      return reply.code(204).send(null);
    },
  );
};
