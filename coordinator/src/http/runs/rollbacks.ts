import { Plan } from '@remora/shared/model/plan.ts';
import { Run } from '@remora/shared/model/run.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { planView } from '../schemas/plan-view.ts';
import { accepted, changeRequestOf, Options, PlanHash } from './change-routes.ts';

const tags = ['runs'];
const RunId = Type.Object({ runId: Type.String({ minLength: 1, maxLength: 128 }) });
const Body = Type.Object(Options, { additionalProperties: false });

export const rollbackRoutes = (app: App, { rollbacks }: Pick<Services, 'rollbacks'>): void => {
  app.post(
    '/runs/:runId/rollback/plan',
    {
      // It has nothing but options: who wants none may leave it out.
      preValidation: async (request) => {
        request.body ??= {};
      },
      schema: {
        ...{ tags, summary: 'What taking a run back would do; changes nothing', params: RunId },
        ...{ body: Body, response: { 200: Plan } },
      },
    },
    async ({ params, body }) => planView(await rollbacks.plan({ run: params.runId }, body.options ?? {})),
  );
  app.post(
    '/runs/:runId/rollback',
    {
      config: { idempotent: 'body' },
      schema: {
        ...{ tags, summary: 'Take back what a run did, as a run of its own', params: RunId, querystring: PlanHash },
        ...{ body: Body, response: { 202: Run } },
      },
    },
    async (request, reply) => {
      const change = changeRequestOf(request, request.body.options, request.query.planHash);
      return accepted(reply, await rollbacks.start({ run: request.params.runId }, change));
    },
  );
};
