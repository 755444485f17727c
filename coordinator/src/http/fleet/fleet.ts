import { FleetStatus } from '@remora/shared/model/fleet.ts';
import { parseDurationOrNone } from '@remora/shared/model/values/duration.ts';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';

/** For who logs in from elsewhere to take the new fleet-ca.crt. */
const DEFAULT_OVERLAP = '1h';

const tags = ['fleet'];

const RotationBody = Type.Object(
  {
    /** How long both are trusted at least before the new one signs and serves, a duration such as `2d`, or `0s`; an hour when absent. */
    overlap: Type.Optional(Type.String({ maxLength: 20 })),
  },
  { additionalProperties: false },
);

export const fleetRoutes = (app: App, { fleet }: Pick<Services, 'fleet'>): void => {
  app.get(
    '/fleet',
    { schema: { tags, summary: 'The fleet CA, and how far its rotation is', response: { 200: FleetStatus } } },
    () => fleet.status(),
  );
  app.post(
    '/fleet/ca-rotation',
    {
      config: { idempotent: 'address' },
      schema: {
        tags,
        summary: 'Have a new fleet CA take the place of the one there is; answers at once',
        body: RotationBody,
        response: { 202: FleetStatus },
      },
    },
    async ({ body, actor }, reply) => {
      const overlapMs = parseDurationOrNone(body.overlap ?? DEFAULT_OVERLAP);
      return reply.code(202).send(await fleet.begin({ overlapMs }, actor));
    },
  );
  app.post(
    '/fleet/ca-rotation/go-on',
    {
      config: { idempotent: 'address' },
      schema: {
        tags,
        summary: 'Have the new fleet CA sign without waiting until every agent trusts it, after a back-up was restored',
        response: { 202: FleetStatus },
      },
    },
    async ({ actor }, reply) => reply.code(202).send(await fleet.goOn(actor)),
  );
  app.post(
    '/fleet/ca-rotation/cancel',
    {
      config: { idempotent: 'address' },
      schema: { tags, summary: 'Take the rotation of the fleet CA back', response: { 202: FleetStatus } },
    },
    async ({ actor }, reply) => reply.code(202).send(await fleet.cancel(actor)),
  );
};
