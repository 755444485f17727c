import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';

/** The Fastify instance that route files get: request and response types follow from the TypeBox schemas beside each route. */
export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, known after the bearer token was checked. */
    actor: string;
  }
  interface FastifyContextConfig {
    /**
     * `Idempotency-Key` is honoured: the same key gets the same answer. Only for routes whose answer has no secret, since the answer is stored.
     * `body` binds the key to the body too, for bodies without secrets.
     */
    idempotent?: 'address' | 'body';
  }
}
