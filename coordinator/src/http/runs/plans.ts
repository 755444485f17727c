import { Plan } from '@remora/shared/model/plan.ts';
import { Run } from '@remora/shared/model/run.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { PageQuery, pageOf } from '../schemas/page.ts';
import { planView } from '../schemas/plan-view.ts';
import { accepted, changeRequestOf, Options } from './change-routes.ts';

const tags = ['plans'];
const PlanId = Type.Object({ planId: Type.String({ minLength: 1, maxLength: 128 }) });
const Apply = Type.Object(Options, { additionalProperties: false });

export const planRoutes = (app: App, { plans }: Pick<Services, 'plans'>): void => {
  app.get(
    '/plans',
    {
      schema: {
        tags,
        summary: 'Plans that were made, newest first, a page at a time',
        querystring: PageQuery,
        response: { 200: Type.Array(Plan) },
      },
    },
    async ({ query }) => (await plans.list(pageOf(query))).map(planView),
  );
  app.get(
    '/plans/:planId',
    { schema: { tags, summary: 'One plan', params: PlanId, response: { 200: Plan } } },
    async ({ params }) => planView(await plans.show(params.planId)),
  );
  app.post(
    '/plans/:planId/preview',
    {
      schema: {
        tags,
        summary: 'The same plan with the batches that these options make of it now; changes nothing',
        params: PlanId,
        body: Apply,
        response: { 200: Plan },
      },
    },
    async ({ params, body }) => planView(await plans.preview(params.planId, body.options ?? {})),
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
    async (request, reply) =>
      accepted(
        reply,
        await plans.apply(request.params.planId, changeRequestOf(request, request.body.options, undefined)),
      ),
  );
};
