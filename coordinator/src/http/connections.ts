import { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { ConnectRequest, checkConnectRequest } from '@remora/shared/model/connect-request.ts';
import { ConnectionView } from '@remora/shared/model/inventory.ts';
import { Plan } from '@remora/shared/model/plan.ts';
import { Run } from '@remora/shared/model/run.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import { PlanHash } from './schemas/plan-hash.ts';
import { planView } from './schemas/plan-view.ts';

const tags = ['connections'];
/** The wish, and how it is to be carried out. */
const ConnectBody = Type.Object(
  { ...ConnectRequest.properties, options: Type.Optional(ChangeOptions) },
  { additionalProperties: false },
);
const Which = Type.Object(
  { local: Type.Optional(Type.String({ minLength: 1 })), alias: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
);
const Names = Type.Object({ local: Type.String({ minLength: 1 }), alias: Type.String({ minLength: 1 }) });

export const connectionRoutes = (app: App, { connections }: Pick<Services, 'connections'>): void => {
  app.get(
    '/connections',
    { schema: { tags, summary: 'All connections, managed or not', response: { 200: Type.Array(ConnectionView) } } },
    () => connections.list(),
  );
  app.get(
    '/connections/check',
    {
      schema: {
        tags,
        summary: 'Prove connections by a real request from every local node',
        querystring: Which,
        response: { 200: Type.Array(ConnectionView) },
      },
    },
    ({ query }) => connections.check(query.local, query.alias),
  );
  app.get(
    '/connections/:local/:alias',
    { schema: { tags, summary: 'One connection', params: Names, response: { 200: ConnectionView } } },
    ({ params }) => connections.show(params.local, params.alias),
  );
  connectRoutes(app, connections);
};

const connectRoutes = (app: App, connections: Services['connections']): void => {
  app.post(
    '/connections/plan',
    {
      schema: {
        tags,
        summary: 'What connect would do; changes nothing',
        body: ConnectRequest,
        response: { 200: Plan },
      },
    },
    async ({ body }) => {
      checkConnectRequest(body);
      return planView(await connections.plan(body));
    },
  );
  app.post(
    '/connections',
    {
      config: { idempotent: 'body' },
      schema: {
        tags,
        summary: 'Connect two clusters, or bring a connection to other values; answers the run at once',
        body: ConnectBody,
        querystring: PlanHash,
        response: { 202: Run },
      },
    },
    async (request, reply) => {
      const { options: change = {}, ...wish } = request.body;
      checkConnectRequest(wish);
      const run = await connections.connect(wish, {
        actor: request.actor,
        change,
        idempotencyKey: idempotencyKeyOf(request),
        planHash: request.query.planHash ?? null,
      });
      return reply.code(202).header('location', `/api/v1/runs/${run.runId}`).send(run);
    },
  );
};
