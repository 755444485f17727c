import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import { createServer as createSocket } from 'node:net';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { type Address, formatAddress } from '@remora/shared/model/values/address.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { type CoordinatorConfig, hostsOf } from './config.ts';
import { lifeOf } from './gateway/session/admission.ts';
import type { App } from './http/app-types.ts';
import type { Log } from './log.ts';
import type { FleetCas } from './pki/fleet-ca/fleet-cas.ts';
import type { ServerTls } from './pki/server-certificate.ts';
import type { CertificateLife } from './store/records.ts';

/** The HTTPS server of operators and agents. */
export interface Listener {
  /** For Fastify's `serverFactory`. */
  readonly server: (requests: RequestListener) => Server;
  /** The server, once the app made it. */
  readonly made: () => HttpsServer;
  /** What is served now. */
  readonly certificate: () => CertificateLife;
  /** Takes what the fleet CAs are now for connections from now on: another one may sign, and others count. What is connected stays so. */
  readonly refresh: () => Promise<void>;
  /** Looks every day, or as often as said, whether the certificate has to be renewed; answers how to stop that. */
  readonly keepCertificate: (everyMs?: number) => () => void;
}

/**
 * A server with a certificate of the fleet CA for the names under which it is reached. It asks for client certificates without rejecting: agents show one,
 * operators a bearer token, and each address decides which it needs.
 */
export const openListener = async (config: CoordinatorConfig, fleetCas: FleetCas, log: Log): Promise<Listener> => {
  const hosts = hostsOf(config);
  const contextOf = ({ certificatePem, privateKeyPem }: ServerTls) => ({
    cert: certificatePem,
    key: privateKeyPem,
    ca: fleetCas.bundle(),
    minVersion: 'TLSv1.2' as const,
  });
  const keep = (): Promise<ServerTls> => fleetCas.state().signing.issueServerCertificate({ hosts });
  let tls = await keep();
  const first = contextOf(tls);
  let server: HttpsServer | undefined;
  const made = (): HttpsServer => {
    if (server) return server;
    throw new RemoraError('internal', 'The HTTPS server was asked for before the app made it.');
  };
  const serve = (next: ServerTls): void => {
    made().setSecureContext(contextOf(next));
    tls = next;
    if (next.issued) log.info({ notAfter: tls.notAfter }, 'the server certificate was renewed');
  };
  const renew = async (): Promise<void> => {
    const next = await keep();
    if (next.issued) serve(next);
  };
  return {
    server(requests) {
      server = createServer({ ...first, requestCert: true, rejectUnauthorized: false }, requests);
      return server;
    },
    made,
    refresh: async () => serve(await keep()),
    certificate: () => lifeOf(new X509Certificate(tls.certificatePem)),
    keepCertificate(everyMs = DAY_MS) {
      let isRenewing = false;
      const timer = setInterval(() => {
        if (isRenewing) return;
        isRenewing = true;
        renew()
          .catch((error: unknown) =>
            log.error({ reason: messageOf(error) }, 'the server certificate could not be renewed'),
          )
          .finally(() => {
            isRenewing = false;
          });
      }, everyMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
};

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not listen on that port',
  ENOTFOUND: 'that name is not known',
};

/** `bad-input` that names the address and why it cannot be had. */
const listenProblem = (error: unknown, address: Address): unknown => {
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''];
  if (reason === undefined) return error;
  return new RemoraError('bad-input', `--listen ${formatAddress(address)}: ${reason}.`, {
    hint: 'Choose another address or port, or stop what listens there.',
    cause: error,
  });
};

/**
 * Claims the address among the coordinators of this machine; answers how to give it back. The port is bound only once everything behind it is there, and by
 * then a coordinator that was started twice would have ended the sessions of the first one, whose name in the store it has. An abstract Unix socket (unix(7))
 * is freed by the kernel when its process ends. Throws `bad-input`.
 */
export const claimAddress = async ({ listen: address }: CoordinatorConfig): Promise<() => void> => {
  const name = createHash('sha256').update(formatAddress(address)).digest('hex').slice(0, 32);
  const claim = createSocket((socket) => socket.destroy()).listen(`\0remora-coordinator-${name}`);
  try {
    await once(claim, 'listening');
  } catch (error) {
    throw listenProblem(error, address);
  }
  claim.unref();
  return () => void claim.close();
};

/** Throws `bad-input` that names the address and why it cannot be had. */
export const listen = async (app: App, { listen: address }: CoordinatorConfig): Promise<void> => {
  try {
    await app.listen({ ...address, listenTextResolver: () => 'listening for operators and agents' });
  } catch (error) {
    throw listenProblem(error, address);
  }
};
