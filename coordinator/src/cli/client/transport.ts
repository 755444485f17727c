import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { ClientSettings } from './settings.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /api/v1, with query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Silence after which the request counts as lost, in ms. */
  readonly silenceMs: number;
}

/** No coordinator was found, or it went away before it answered: the same request may be sent again. */
export class NoAnswer extends Error {}

/** Sends one request and answers when the head of the response is there. Throws NoAnswer, or `coordinator-untrusted`. */
export type Transport = (request: HttpRequest) => Promise<IncomingMessage>;

const isCertificateFault = (code: string): boolean =>
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/.test(code);

/** Names the certificate and its issuer, which the failed handshake itself does not tell. */
const untrusted = async (settings: ClientSettings, error: Error): Promise<RemoraError> => {
  const { trustProblem } = await import('../../elasticsearch/trust.ts');
  const served = await trustProblem(settings.url.href, settings.caPem);
  const what = served ? `the certificate "${served.subject}", issued by "${served.issuer}"` : 'a certificate';
  const hint =
    settings.caPem === null
      ? "Set REMORA_CA to a copy of the coordinator's fleet-ca.crt."
      : "REMORA_CA names another CA, or the address is not in the certificate: compare it with the coordinator's fleet-ca.crt, which is another one after `remora fleet rotate-ca`, and --public-url.";
  return new RemoraError(
    'coordinator-untrusted',
    `${settings.url.origin} serves ${what}, which is not trusted: ${messageOf(error)}.`,
    {
      hint,
      cause: error,
    },
  );
};

export const createTransport = (settings: ClientSettings): Transport => {
  const agent = new Agent({ keepAlive: true, ...(settings.caPem === null ? {} : { ca: settings.caPem }) });
  return ({ method, path, body, headers = {}, signal, silenceMs }) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
      const request = httpsRequest(new URL(`/api/v1${path}`, settings.url), {
        method,
        agent,
        ...(signal ? { signal } : {}),
        headers: {
          authorization: `Bearer ${settings.token}`,
          ...(payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {}),
          ...headers,
        },
      });
      request.setTimeout(silenceMs, () => request.destroy(new Error(`no answer for ${silenceMs / 1000} s`)));
      request.once('response', resolve);
      request.once('error', (error: NodeJS.ErrnoException) => {
        if (signal?.aborted) reject(error);
        else if (isCertificateFault(error.code ?? '')) void untrusted(settings, error).then(reject);
        else
          reject(
            new NoAnswer(error.code === 'EPROTO' ? 'it does not speak TLS' : messageOf(error) || String(error.code)),
          );
      });
      request.end(payload);
    });
};
