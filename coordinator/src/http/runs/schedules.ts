import { Plan } from '@remora/shared/model/plan.ts';
import { ScheduleAdded, ScheduleRequest, ScheduleResult, ScheduleView } from '@remora/shared/model/schedule.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { idempotencyKeyOf } from '../idempotency.ts';
import { planView } from '../schemas/plan-view.ts';

const tags = ['schedules'];
const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) });

export const scheduleRoutes = (app: App, { schedules }: Pick<Services, 'schedules'>): void => {
  app.get(
    '/schedules',
    { schema: { tags, summary: 'All schedules', response: { 200: Type.Array(ScheduleView) } } },
    () => schedules.list(),
  );
  app.get(
    '/schedules/:name',
    { schema: { tags, summary: 'One schedule', params: Name, response: { 200: ScheduleView } } },
    ({ params }) => schedules.show(params.name),
  );
  app.post(
    '/schedules',
    {
      config: { idempotent: 'body' },
      schema: {
        ...{ tags, summary: 'Add a schedule, or give a known one other times and another work' },
        ...{ body: ScheduleRequest, response: { 200: ScheduleAdded, 201: ScheduleAdded } },
      },
    },
    async ({ body, actor }, reply) => {
      const added = await schedules.add(body, actor);
      return reply.code(added.updated ? 200 : 201).send(added);
    },
  );
  for (const verb of ['pause', 'resume'] as const)
    app.post(
      `/schedules/:name/${verb}`,
      {
        config: { idempotent: 'address' },
        schema: {
          ...{ tags, params: Name, response: { 200: ScheduleView } },
          summary: verb === 'pause' ? 'Let it not fire' : 'Let it fire again; what came meanwhile does not',
        },
      },
      ({ params, actor }) => schedules[verb](params.name, actor),
    );
  firingRoutes(app, schedules);
  app.delete(
    '/schedules/:name',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Forget a schedule', params: Name, response: { 204: Type.Null() } },
    },
    async ({ params, actor }, reply) => {
      await schedules.remove(params.name, actor);
      return reply.code(204).send(null);
    },
  );
};

const firingRoutes = (app: App, schedules: Services['schedules']): void => {
  app.post(
    '/schedules/:name/plan',
    { schema: { tags, summary: 'What it would do now; changes nothing', params: Name, response: { 200: Plan } } },
    async ({ params }) => planView(await schedules.plan(params.name)),
  );
  app.post(
    '/schedules/:name/run',
    {
      config: { idempotent: 'address' },
      schema: {
        ...{ tags, params: Name, response: { 200: ScheduleResult } },
        summary: 'Fire it now, also while it is paused; answers its run, or what came of it without one',
      },
    },
    (request) =>
      schedules.run(request.params.name, { actor: request.actor, idempotencyKey: idempotencyKeyOf(request) }),
  );
};
