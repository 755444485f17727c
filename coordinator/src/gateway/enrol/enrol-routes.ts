import { RemoraError } from '@remora/shared/errors.ts';
import { JoinRequest, type JoinResponse } from '@remora/shared/protocol/enrol.ts';
import { paths } from '@remora/shared/protocol/limits.ts';
import { Compile } from 'typebox/compile';
import type { App } from '../../http/app-types.ts';
import { toProblem } from '../../http/problem.ts';
import type { GatewayLog } from '../gateway-log.ts';

/** A public key, a signature and a few paths. */
const BODY_LIMIT_BYTES = 64 * 1024;

const joinRequest = Compile(JoinRequest);

const parseJoin = (body: unknown): JoinRequest => {
  if (joinRequest.Check(body)) return body;
  const where = [...joinRequest.Errors(body)].map((error) => error.instancePath || '/').join(', ');
  throw new RemoraError('bad-input', `The join request does not have the fields of this protocol version: ${where}.`, {
    hint: 'Use an agent and a coordinator of the same release.',
  });
};

/**
 * The two addresses that an agent uses before it has a certificate; both need no login. Errors are RFC 9457 problems, and every refusal is logged with the
 * peer: never the body, which holds the token.
 */
export const enrolRoutes = (
  app: App,
  parts: {
    /** The fleet CA, PEM; while it is being rotated both, and what the one says of the other. */
    readonly fleetCas: () => string;
    readonly join: (request: JoinRequest) => Promise<JoinResponse>;
    readonly log: GatewayLog;
  },
): void => {
  void app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => {
      const problem = toProblem(error);
      const { code, status, detail } = problem;
      parts.log.warn({ peer: `${request.ip}:${request.socket.remotePort ?? 0}`, code, reason: detail }, 'join refused');
      if (code === 'internal') parts.log.error({ err: error }, 'a join failed');
      return reply.code(status).type('application/problem+json').send(problem);
    });
    scope.get(paths.ca, async (_request, reply) => reply.type('application/x-pem-file').send(parts.fleetCas()));
    scope.post(paths.join, { bodyLimit: BODY_LIMIT_BYTES }, async (request) => {
      const join = parseJoin(request.body);
      const response = await parts.join(join);
      const { name: node, cluster } = response;
      parts.log.info({ node, cluster, peer: request.ip, agentVersion: join.agentVersion }, 'agent joined');
      return response;
    });
  });
};
