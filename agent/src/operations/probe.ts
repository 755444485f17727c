import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { checkServerIdentity, type PeerCertificate, connect as startTls, type TLSSocket } from 'node:tls';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';
import type { OperationInput, OperationResult } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { seenCertificate } from '../node/certificate-facts.ts';

type Input = OperationInput<'probe'>;
type TlsInput = NonNullable<Input['tls']>;
type TcpState = OperationResult<'probe'>['tcp'];
type TlsResult = NonNullable<OperationResult<'probe'>['tls']>;

const stateOfCode: Readonly<Record<string, TcpState>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'unknown-host',
  EAI_NODATA: 'unknown-host',
};

/** A name with several addresses fails with one error each: one that was refused proves a path. */
const codesOf = (error: unknown): string[] => {
  if (error instanceof AggregateError) return error.errors.flatMap(codesOf);
  return error instanceof Error && 'code' in error ? [String(error.code)] : [];
};

const stateOf = (error: unknown): TcpState => {
  const states = codesOf(error).map((code) => stateOfCode[code] ?? 'unreachable');
  const best = (['refused', 'timeout', 'unknown-host'] as const).find((state) => states.includes(state));
  return best ?? 'unreachable';
};

type Connected = { socket: Socket } | { tcp: Exclude<TcpState, 'open'>; detail: string };

const connectTcp = (socket: Socket, { host, port, timeoutMs }: Input, signal: AbortSignal): Promise<Connected> =>
  new Promise((answer, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      answer({ tcp: 'timeout', detail: `no answer from ${host}:${port} within ${timeoutMs} ms` });
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      answer({ socket });
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      const tcp = stateOf(error);
      if (signal.aborted) reject(error);
      else if (tcp !== 'open')
        answer({
          tcp,
          detail: error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : error.message,
        });
    });
  });

/** The PEM text to trust; undefined for the system's CAs. Paths as elasticsearch.yml has them: relative to the configuration directory. */
const trustOf = async (tls: TlsInput, context: Pick<AgentContext, 'config'>): Promise<string[] | undefined> => {
  if (tls.caPem !== undefined) return [tls.caPem];
  if (tls.certificateAuthorities === undefined) return undefined;
  return Promise.all(
    tls.certificateAuthorities.map(async (path) => {
      const absolute = resolve(context.config.elasticsearch.configDir, path);
      try {
        return await readFile(absolute, 'utf8');
      } catch (error) {
        throw new RemoraError(
          'preflight-failed',
          `The CA file ${absolute} of ${context.config.name} cannot be read: ${messageOf(error)}.`,
          { cause: error },
        );
      }
    }),
  );
};

/** The chain as it was built, leaf first. */
const chainOf = (socket: TLSSocket, withDer: boolean | undefined): SeenCertificate[] => {
  const chain: SeenCertificate[] = [];
  let current: ReturnType<TLSSocket['getPeerCertificate']> | undefined = socket.getPeerCertificate(true);
  while (current?.raw) {
    const facts = seenCertificate(new X509Certificate(current.raw), withDer);
    // A self-signed certificate is its own issuer.
    if (chain.some(({ fingerprint256 }) => fingerprint256 === facts.fingerprint256)) break;
    chain.push(facts);
    current = 'issuerCertificate' in current ? (current.issuerCertificate as PeerCertificate) : undefined;
  }
  return chain;
};

/** Elasticsearch in `full` verification accepts the certificate when it names either the server name that it asked for or the address. */
const nameError = (socket: TLSSocket, names: readonly string[]): string => {
  const certificate = socket.getPeerCertificate();
  const errors = names.map((name) => checkServerIdentity(name, certificate));
  return errors.some((error) => error === undefined) ? '' : errors.map((error) => error?.message).join('; ');
};

const handshake = (input: Input, tls: TlsInput, socket: Socket, ca: string[] | undefined): Promise<TlsResult> =>
  new Promise((answer) => {
    const name = tls.serverName ?? input.host;
    const failed = (error: string) => {
      secure?.destroy();
      socket.destroy();
      answer({ trusted: false, error, chain: [] });
    };
    const timer = setTimeout(() => failed(`no TLS handshake within ${input.timeoutMs} ms`), input.timeoutMs);
    let secure: TLSSocket | undefined;
    try {
      // Judged below, since an untrusted chain is an answer and not a failure; and no session is kept, so that every probe sees the full handshake.
      secure = startTls({
        socket,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(ca === undefined ? {} : { ca }),
        // As Java does: a CA that is trusted is the end of the chain, whoever signed it.
        allowPartialTrustChain: true,
        ...(isIP(name) === 0 ? { servername: name } : {}),
      });
    } catch (error) {
      clearTimeout(timer);
      return failed(messageOf(error));
    }
    const peer = secure;
    peer.once('error', (error) => {
      clearTimeout(timer);
      failed(error.message);
    });
    peer.once('secureConnect', () => {
      clearTimeout(timer);
      const names = [...new Set([name, input.host])];
      const error = peer.authorized ? nameError(peer, names) : String(peer.authorizationError);
      const chain = chainOf(peer, tls.judge);
      peer.destroy();
      answer({ trusted: error === '', error, chain });
    });
  });

const probeWith = async (
  socket: Socket,
  input: Input,
  ca: string[] | undefined,
  signal: AbortSignal,
): Promise<OperationResult<'probe'>> => {
  const connected = await connectTcp(socket, input, signal);
  if (!('socket' in connected)) return connected;
  const detail = `connected to ${connected.socket.remoteAddress ?? input.host}:${input.port}`;
  if (!input.tls) {
    connected.socket.destroy();
    return { tcp: 'open', detail };
  }
  return { tcp: 'open', detail, tls: await handshake(input, input.tls, connected.socket, ca) };
};

/** A TCP connection from this node and, when asked for, a TLS handshake that trusts exactly the given CAs. */
export const probe = async (
  input: Input,
  context: Pick<AgentContext, 'config' | 'draining'>,
): Promise<OperationResult<'probe'>> => {
  const ca = input.tls ? await trustOf(input.tls, context) : undefined;
  const socket = connect({ host: input.host, port: input.port });
  const stop = (): void => {
    socket.destroy(new Error('the agent is stopping'));
  };
  context.draining.addEventListener('abort', stop);
  try {
    return await probeWith(socket, input, ca, context.draining);
  } finally {
    context.draining.removeEventListener('abort', stop);
  }
};
