import { Readable } from 'node:stream';
import { ChangeOptions, checkChangeOptions } from '@remora/shared/model/change-options.ts';
import { Run, RunEvent } from '@remora/shared/model/run.ts';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { idempotencyKeyOf } from '../idempotency.ts';
import { PageQuery, pageOf } from '../schemas/page.ts';
import { runEventFrames } from './run-events.ts';

const tags = ['runs'];
const RunId = Type.Object({ runId: Type.String({ minLength: 1, maxLength: 128 }) });
/** `after` is the seq of the last event that was seen, for clients that cannot send Last-Event-ID. */
const After = Type.Object(
  { after: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })) },
  { additionalProperties: false },
);

/** `closing` is aborted when the coordinator shuts down, so that open streams do not hold it up. */
export const runRoutes = (app: App, { runs }: Pick<Services, 'runs'>, closing: AbortSignal): void => {
  app.get(
    '/runs',
    {
      schema: {
        tags,
        summary: 'Runs, newest first, a page at a time',
        querystring: PageQuery,
        response: { 200: Type.Array(Run) },
      },
    },
    ({ query }) => runs.list(pageOf(query)),
  );
  app.get(
    '/runs/:runId',
    { schema: { tags, summary: 'One run', params: RunId, response: { 200: Run } } },
    ({ params }) => runs.get(params.runId),
  );
  controlRoutes(app, runs);
  app.get(
    '/runs/:runId/events',
    {
      schema: {
        tags,
        summary: 'The events of a run as a stream (server-sent events); ends after the run ended',
        description: '`id` is the seq of the event: a client that lost the stream sends it as Last-Event-ID.',
        params: RunId,
        querystring: After,
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const { runId } = request.params;
      await runs.get(runId);
      const gone = new AbortController();
      request.raw.socket.once('close', () => gone.abort());
      const signal = AbortSignal.any([closing, gone.signal]);
      const frames = runEventFrames(
        runs,
        runId,
        lastSeen(request.headers['last-event-id'] ?? request.query.after),
        signal,
      );
      reply
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .type('text/event-stream; charset=utf-8');
      return reply.send(Readable.from(frames, { objectMode: false }));
    },
  );
  app.get(
    '/runs/:runId/event-list',
    {
      schema: {
        tags,
        summary: 'The events of a run so far',
        params: RunId,
        querystring: After,
        response: { 200: Type.Array(RunEvent) },
      },
    },
    async ({ params, query }) => {
      await runs.get(params.runId);
      return runs.events(params.runId, lastSeen(query.after));
    },
  );
};

/** Who asks; the key makes a request that is sent again the same one. */
const askOf = (request: FastifyRequest): { actor: string; request?: string } => {
  const key = idempotencyKeyOf(request);
  return { actor: request.actor, ...(key === null ? {} : { request: key }) };
};

const control = (summary: string) => ({ tags, summary, params: RunId, response: { 202: Run } });

/** Each answers at once: what was asked for happens at the run's next step. */
const controlRoutes = (app: App, runs: Services['runs']): void => {
  const Cancel = Type.Object({ reason: ChangeOptions.properties.reason }, { additionalProperties: false });
  app.post(
    '/runs/:runId/cancel',
    {
      config: { idempotent: 'body' },
      schema: { ...control('Stop a run at its next step'), body: Cancel },
    },
    async ({ params, body, actor }, reply) => reply.code(202).send(await runs.cancel(params.runId, { actor, ...body })),
  );
  const Resume = Type.Object({ notAfter: ChangeOptions.properties.notAfter }, { additionalProperties: false });
  app.post(
    '/runs/:runId/resume',
    {
      config: { idempotent: 'body' },
      schema: {
        ...control('Go on with a run that failed or was cancelled, from the first step not done'),
        body: Resume,
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      checkChangeOptions(body, [], new Date());
      return reply.code(202).send(await runs.resume(params.runId, { ...askOf(request), ...body }));
    },
  );
  app.post(
    '/runs/:runId/continue',
    { config: { idempotent: 'body' }, schema: control('Go on with a run that pauses after its first node') },
    async (request, reply) => reply.code(202).send(await runs.continue(request.params.runId, askOf(request))),
  );
};

const lastSeen = (text: string | string[] | undefined): number =>
  typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : 0;
