import { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { Plan } from '@remora/shared/model/plan.ts';
import { RestartRequest } from '@remora/shared/model/restart-request.ts';
import { Run } from '@remora/shared/model/run.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import { PlanHash } from './schemas/plan-hash.ts';
import { planView } from './schemas/plan-view.ts';

const tags = ['restarts'];
const Body = Type.Object(
  { ...RestartRequest.properties, options: Type.Optional(ChangeOptions) },
  { additionalProperties: false },
);

export const restartRoutes = (app: App, { restarts }: Pick<Services, 'restarts'>): void => {
  app.post(
    '/restarts/plan',
    {
      schema: {
        tags,
        summary: 'What a restart would do; changes nothing',
        body: RestartRequest,
        response: { 200: Plan },
      },
    },
    async ({ body }) => planView(await restarts.plan(body)),
  );
  app.post(
    '/restarts',
    {
      config: { idempotent: 'body' },
      schema: {
        tags,
        summary: 'Restart the nodes of a cluster one by one; answers the run at once',
        body: Body,
        querystring: PlanHash,
        response: { 202: Run },
      },
    },
    async (request, reply) => {
      const { options: change = {}, ...wish } = request.body;
      const run = await restarts.start(wish, {
        actor: request.actor,
        change,
        idempotencyKey: idempotencyKeyOf(request),
        planHash: request.query.planHash ?? null,
      });
      return reply.code(202).header('location', `/api/v1/runs/${run.runId}`).send(run);
    },
  );
};
