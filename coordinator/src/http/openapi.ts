import swagger from '@fastify/swagger';
import type { App } from './app-types.ts';
import { Problem } from './schemas/problem.ts';

/** Collects every route that is registered after it into one OpenAPI 3.1 document, with the problem answer that all of them share. */
export const collectOpenApi = async (app: App, version: string): Promise<void> => {
  app.addHook('onRoute', (route) => {
    if (!route.schema || route.schema.hide) return;
    const response = (route.schema.response ?? {}) as Record<string, unknown>;
    route.schema.response = { ...response, '4xx': Problem, '5xx': Problem };
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Remora',
        version,
        description: 'What the CLI and the console use. Errors are application/problem+json (RFC 9457).',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  });
};

/** The document tells nothing of this installation, so it needs no token. */
export const openApiRoute = (app: App): void => {
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => app.swagger());
};
