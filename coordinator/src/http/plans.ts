import { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { Plan } from '@remora/shared/model/plan.ts';
import { Run } from '@remora/shared/model/run.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import { planView } from './schemas/plan-view.ts';

const tags = ['plans'];
const PlanId = Type.Object({ planId: Type.String({ minLength: 1, maxLength: 128 }) });
const Apply = Type.Object({ options: Type.Optional(ChangeOptions) }, { additionalProperties: false });

export const planRoutes = (app: App, { plans }: Pick<Services, 'plans'>): void => {
  app.get(
    '/plans',
    { schema: { tags, summary: 'Plans that were made, newest first', response: { 200: Type.Array(Plan) } } },
    async () => (await plans.list()).map(planView),
  );
  app.get(
    '/plans/:planId',
    { schema: { tags, summary: 'One plan', params: PlanId, response: { 200: Plan } } },
    async ({ params }) => planView(await plans.show(params.planId)),
  );
  app.post(
    '/plans/:planId/apply',
    {
      config: { idempotent: 'body' },
      schema: {
        tags,
        summary: 'Carry out a plan as it was shown; answers the run at once',
        params: PlanId,
        body: Apply,
        response: { 202: Run },
      },
    },
    async (request, reply) => {
      const run = await plans.apply(request.params.planId, {
        actor: request.actor,
        change: request.body.options ?? {},
        idempotencyKey: idempotencyKeyOf(request),
        planHash: null,
      });
      return reply.code(202).header('location', `/api/v1/runs/${run.runId}`).send(run);
    },
  );
};
