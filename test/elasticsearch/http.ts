import { type Agent, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

export interface HttpRequest {
  url: URL;
  method: string;
  user: string;
  password: string;
  /** sent as JSON; a string is sent as it is (NDJSON) */
  body?: unknown;
  /** PEM of the authority that signed an HTTPS port's certificate */
  ca?: string;
  /** ms; default 60,000 */
  timeout?: number;
  /** keeps connections for the next request; default: each has one of its own */
  agent?: Agent;
}

export interface HttpAnswer {
  status: number;
  /** parsed JSON; text where it is none */
  body: unknown;
}

/** One request. Rejects only when no answer came. */
export function sendRequest({
  url,
  method,
  user,
  password,
  body,
  ca,
  timeout = 60_000,
  agent,
}: HttpRequest): Promise<HttpAnswer> {
  const payload = body === undefined || typeof body === 'string' ? (body ?? '') : JSON.stringify(body);
  // Node would send the body of a DELETE without saying how long it is.
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  const options = {
    method,
    headers,
    auth: `${user}:${password}`,
    agent: agent ?? false,
    timeout,
    ...(ca ? { ca } : {}),
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks)) }));
    });
    request.once('timeout', () => request.destroy(new Error(`${method} ${url}: no answer within ${timeout} ms`)));
    request.once('error', reject);
    request.end(payload);
  });
}

function parsed(data: Buffer): unknown {
  const text = data.toString('utf8');
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return text;
  }
}
