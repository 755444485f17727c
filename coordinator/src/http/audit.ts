import { Readable } from 'node:stream';
import { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import Type from 'typebox';
import type { Services } from '../services.ts';
import type { App } from './app-types.ts';

const tags = ['audit'];
const USUAL_LIMIT = 100;
/** `limit` is 100 unless said, and 1000 at most. `before` is the seq of the last entry of the page before. */
const Page = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9]\\d{0,2}|1000)$' })),
    before: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
  },
  { additionalProperties: false },
);

async function* lines(texts: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const text of texts) yield `${text}\n`;
}

export const auditRoutes = (app: App, { audit }: Pick<Services, 'audit'>): void => {
  app.get(
    '/audit',
    {
      schema: {
        tags,
        summary: 'The audit log, newest first, a page at a time',
        querystring: Page,
        response: { 200: Type.Array(AuditEntry) },
      },
    },
    ({ query: { limit, before } }) => {
      const from = before === undefined ? {} : { before: Number(before) };
      return audit.list({ limit: Number(limit ?? USUAL_LIMIT), ...from });
    },
  );
  app.get(
    '/audit/verify',
    {
      schema: {
        tags,
        summary: 'Check every entry against its hash and the one before it',
        response: { 200: AuditVerdict },
      },
    },
    () => audit.verify(),
  );
  app.get(
    '/audit/export',
    {
      schema: {
        tags,
        summary: 'The whole audit log, oldest first, an entry a line',
        produces: ['application/x-ndjson'],
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store').type('application/x-ndjson; charset=utf-8');
      return reply.send(Readable.from(lines(audit.export())));
    },
  );
};
