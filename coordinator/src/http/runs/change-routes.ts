import { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { Plan } from '@remora/shared/model/plan.ts';
import { Run } from '@remora/shared/model/run.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static, type TObject } from 'typebox';
import type { Change, ChangeRequest } from '../../services.ts';
import type { App } from '../app-types.ts';
import { idempotencyKeyOf } from '../idempotency.ts';
import { planView } from '../schemas/plan-view.ts';

export const PlanHash = Type.Object(
  {
    /** The hash of the plan that was looked at: refused when the plan would be another by now. */
    planHash: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  },
  { additionalProperties: false },
);

/** How a change is to be carried out, beside what is wanted. */
export const Options = { options: Type.Optional(ChangeOptions) } as const;

/** Who asks for a change, from the request. */
export const changeRequestOf = (
  request: FastifyRequest,
  change: ChangeOptions | undefined,
  planHash: string | undefined,
): ChangeRequest => ({
  actor: request.actor,
  change: change ?? {},
  idempotencyKey: idempotencyKeyOf(request),
  planHash: planHash ?? null,
});

/** A change was begun: 202 and where its run is. */
export const accepted = (reply: FastifyReply, run: Run): FastifyReply =>
  reply.code(202).header('location', `/api/v1/runs/${run.runId}`).send(run);

interface ChangeRoutes<W extends TObject> {
  /** Below `/api/v1`; its plan is at `ADDRESS/plan`. */
  readonly address: string;
  readonly tags: string[];
  /** What a wish looks like. */
  readonly Wish: W;
  readonly summaries: { readonly plan: string; readonly start: string };
}

/** What is left of a body without the options is what the schema of the wish demands. */
const apart = <W>(body: unknown): { wish: W; options: ChangeOptions | undefined } => {
  const { options, ...wish } = body as { readonly options?: ChangeOptions };
  return { wish: wish as W, options };
};

/** The two routes of a change that is planned: its plan, which changes nothing, and its start, which answers the run at once. */
export const changeRoutes = <W extends TObject>(
  app: App,
  { address, tags, Wish, summaries }: ChangeRoutes<W>,
  change: Change<Static<W>>,
): void => {
  const Body = Type.Object({ ...Wish.properties, ...Options }, { additionalProperties: false });
  app.post(
    `${address}/plan`,
    { schema: { tags, summary: summaries.plan, body: Body, response: { 200: Plan } } },
    async ({ body }) => {
      const { wish, options } = apart<Static<W>>(body);
      return planView(await change.plan(wish, options ?? {}));
    },
  );
  app.post(
    address,
    {
      config: { idempotent: 'body' },
      schema: { tags, summary: summaries.start, body: Body, querystring: PlanHash, response: { 202: Run } },
    },
    async (request, reply) => {
      const { wish, options } = apart<Static<W>>(request.body);
      const { planHash } = request.query as Static<typeof PlanHash>;
      return accepted(reply, await change.start(wish, changeRequestOf(request, options, planHash)));
    },
  );
};
