import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { AgentConfig } from '../checks.ts';
import { isOwnAddress } from './address.ts';

/**
 * HTTP to this node's own Elasticsearch. `node:http` is not imported: an import evaluates all its exports, among them a WebSocket client of Node's own
 * (undici) that takes 8 MB and is not used here.
 */
const { request: requestHttp } = process.getBuiltinModule('node:http');

const MAX_BODY_BYTES = 3 * 1024 * 1024;

const send = (
  url: URL,
  options: RequestOptions & { rejectUnauthorized?: boolean },
  body?: string,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, resolve);
    request.on('error', reject);
    request.end(body);
  });

/**
 * Whether the node answers HTTP at all; any status counts, 401 too. The certificate is not verified here, and here only: nothing is sent and nothing
 * that is read is believed but that a server answers, and a node whose HTTP certificate is being replaced must not look dead.
 */
export const answers = async (url: string): Promise<boolean> => {
  try {
    const response = await send(new URL(url), {
      method: 'HEAD',
      agent: false,
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(5000),
    });
    response.resume();
    return true;
  } catch {
    return false;
  }
};

const collect = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error(`the answer is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parseBody = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? null : text;
  }
};

export interface NodeCall {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly user: string;
  readonly password: string;
  readonly signal: AbortSignal;
}

/** Placed by the coordinator before the node serves a certificate of another CA than the agent was given when it joined. */
const PLACED_CAS = 'remora-http-cas.crt';

/** What the node's certificate is verified by; undefined for the CAs of the system alone. */
const authorities = async ({ ca, configDir }: AgentConfig['elasticsearch']): Promise<string[] | undefined> => {
  const given = ca === undefined ? undefined : await readFile(ca, 'utf8');
  const placed = await readFile(join(configDir, PLACED_CAS), 'utf8').catch(() => undefined);
  if (placed === undefined) return given === undefined ? undefined : [given];
  return [...(given === undefined ? rootCertificates : [given]), placed];
};

/** Calls the node with a credential, over verified TLS. Rejects with `elasticsearch-error` when there is no answer; any status is an answer. */
export const callNode = async (config: AgentConfig, call: NodeCall): Promise<{ status: number; body: unknown }> => {
  const { url } = config.elasticsearch;
  // Joined as text: `new URL` would take a path like `//host/` for another host.
  const target = new URL(`${url.replace(/\/+$/, '')}${call.path}`);
  if (target.pathname + target.search !== call.path) {
    // The allow-list judged the path as it was written; another one must not be what is asked.
    throw new RemoraError('bad-input', `The path ${call.path} would be sent as ${target.pathname}${target.search}.`);
  }
  if (target.protocol === 'http:' && !isOwnAddress(target.hostname)) {
    // Checked at each call: an address that was this machine's at join may be another's now.
    throw new RemoraError(
      'bad-input',
      `${url} is no address of this machine: the password would cross the network in clear.`,
      {
        hint: 'Put an https URL, or an address of this machine itself, in agent.yml.',
      },
    );
  }
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  try {
    const ca = target.protocol === 'https:' ? await authorities(config.elasticsearch) : undefined;
    const response = await send(
      target,
      {
        method: call.method,
        auth: `${call.user}:${call.password}`,
        agent: false,
        signal: call.signal,
        headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(ca === undefined ? {} : { ca }),
      },
      body,
    );
    return { status: response.statusCode ?? 0, body: parseBody(await collect(response)) };
  } catch (error) {
    throw new RemoraError(
      'elasticsearch-error',
      `${call.method} ${call.path.split('?')[0]} at ${url} (node ${config.name}) got no answer: ${messageOf(error)}.`,
      {
        cause: error,
        hint: 'Check that Elasticsearch runs on that node and that agent.yml has its URL and its HTTP CA.',
      },
    );
  }
};
