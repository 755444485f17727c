import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { RemoraError } from '@remora/shared/errors.ts';
import { type FastifyBaseLogger, fastify, LogController } from 'fastify';
import type { Redis } from 'ioredis';
import type { BearerCheck } from './auth/bearer.ts';
import type { App } from './http/app-types.ts';
import { auditRoutes } from './http/audit.ts';
import { caRoutes } from './http/certificates/cas.ts';
import { certificateRoutes } from './http/certificates/certificates.ts';
import { issuingRoutes } from './http/certificates/issuing.ts';
import { signingRequestRoutes } from './http/certificates/signing-requests.ts';
import { trustRestrictionRoutes } from './http/certificates/trust-restrictions.ts';
import { apiKeyRoutes } from './http/connections/api-keys.ts';
import { connectionRoutes } from './http/connections/connections.ts';
import { foreignConnectionRoutes } from './http/connections/foreign-connections.ts';
import { roleRoutes } from './http/connections/roles.ts';
import { doctorRoutes } from './http/doctor.ts';
import { cloudRoutes } from './http/fleet/clouds.ts';
import { clusterRoutes } from './http/fleet/clusters.ts';
import { fleetRoutes } from './http/fleet/fleet.ts';
import { nodeRoutes } from './http/fleet/nodes.ts';
import { healthRoutes } from './http/health.ts';
import { addIdempotency } from './http/idempotency.ts';
import { metricsRoutes } from './http/metrics/metrics.ts';
import { notifyRoutes } from './http/notify.ts';
import { collectOpenApi, openApiRoute } from './http/openapi.ts';
import { toProblem, toRemoraError } from './http/problem.ts';
import { planRoutes } from './http/runs/plans.ts';
import { restartRoutes } from './http/runs/restarts.ts';
import { rollbackRoutes } from './http/runs/rollbacks.ts';
import { runRoutes } from './http/runs/runs.ts';
import { scheduleRoutes } from './http/runs/schedules.ts';
import { lazySerialization, lazyValidation } from './http/schemas/compile-late.ts';
import { secretRoutes } from './http/secrets.ts';
import { tokenRoutes } from './http/tokens.ts';
import type { Services } from './services.ts';
import { refuseOtherStore, type StoreProblem } from './store/store-identity.ts';

const BODY_LIMIT_BYTES = 512 * 1024;

export interface AppParts {
  readonly services: Services;
  readonly bearer: BearerCheck;
  /** Keeps the answers to idempotency keys; its answer to PING is what `/readyz` asks for. */
  readonly redis: Redis;
  readonly log: FastifyBaseLogger;
  readonly version: string;
  /** Nothing is changed unless this says null. Absent: not asked. */
  readonly storeProblem?: StoreProblem;
  /** Makes the server that carries the app: HTTPS in the coordinator, absent where requests are injected. */
  readonly server?: (listener: RequestListener) => Server;
}

/** The HTTP side of the coordinator, complete but not listening. */
export const createApp = async (parts: AppParts): Promise<App> => {
  const app: App = fastify({
    loggerInstance: parts.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 60_000,
    forceCloseConnections: true,
    serverFactory: parts.server ?? ((listener) => createServer(listener as RequestListener)),
  });
  app.setValidatorCompiler(lazyValidation());
  app.setSerializerCompiler(lazySerialization());
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  addErrorHandling(app);
  addRequestLog(app);
  await collectOpenApi(app, parts.version);
  healthRoutes(app, async () => void (await parts.redis.ping()));
  metricsRoutes(app, parts.services);
  openApiRoute(app);
  await app.register(async (scope) => addApi(scope as App, parts, closing.signal), { prefix: '/api/v1' });
  return app;
};

/** Everything below /api/v1 needs a token; that is checked before a body is read. */
const addApi = (app: App, { services, bearer, redis, storeProblem }: AppParts, closing: AbortSignal): void => {
  app.decorateRequest('actor', '');
  app.addHook('onRequest', async (request) => {
    request.actor = bearer(request.headers.authorization);
    if (storeProblem && request.method !== 'GET') await refuseOtherStore(storeProblem);
  });
  addIdempotency(app, redis);
  clusterRoutes(app, services);
  tokenRoutes(app, services);
  nodeRoutes(app, services);
  connectionRoutes(app, services);
  foreignConnectionRoutes(app, services);
  apiKeyRoutes(app, services);
  roleRoutes(app, services);
  planRoutes(app, services);
  restartRoutes(app, services);
  cloudRoutes(app, services);
  trustRestrictionRoutes(app, services);
  rollbackRoutes(app, services);
  runRoutes(app, services, closing);
  secretRoutes(app, services);
  caRoutes(app, services);
  certificateRoutes(app, services);
  scheduleRoutes(app, services);
  notifyRoutes(app, services);
  issuingRoutes(app, services);
  signingRequestRoutes(app, services);
  auditRoutes(app, services);
  fleetRoutes(app, services);
  doctorRoutes(app, services);
  app.setNotFoundHandler((request) => {
    throw new RemoraError('not-found', `${request.method} ${pathOf(request.url)}: the API has no such address.`, {
      hint: 'See /api/v1/openapi.json.',
    });
  });
};

const addErrorHandling = (app: App): void => {
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    if (toRemoraError(error).code === 'internal') request.log.error({ err: error }, 'a request failed');
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(problem.status).type('application/problem+json').send(problem);
  });
  app.setNotFoundHandler((request) => {
    throw new RemoraError('not-found', `${request.method} ${pathOf(request.url)}: there is nothing at this address.`);
  });
};

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** One line a request: never headers, bodies or the query. */
const addRequestLog = (app: App): void => {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        path: pathOf(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        actor: request.actor || undefined,
        peer: request.ip,
      },
      'request',
    );
  });
};
