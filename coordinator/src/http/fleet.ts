import { parseDuration } from '@remora/shared/model/duration.ts';
import { FleetStatus } from '@remora/shared/model/fleet.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

const tags = ['fleet'];

const RotationBody = Type.Object(
  {
    /** How long both are trusted at least before the new one signs and serves, a duration such as `1h`; none when absent. */
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
      const overlapMs = body.overlap === undefined ? 0 : parseDuration(body.overlap);
      return reply.code(202).send(await fleet.begin({ overlapMs }, actor));
    },
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
