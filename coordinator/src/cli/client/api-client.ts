import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, errorTable, messageOf, RemoraError } from '@remora/shared/errors.ts';
import { readServerEvents, type ServerEvent } from './server-events.ts';
import type { ClientSettings } from './settings.ts';
import { createTransport, type HttpRequest, NoAnswer, type Transport } from './transport.ts';

/** How long a request looks for a coordinator before it gives up (contract: 20 s). */
const SEARCH_MS = 20_000;
/** A plan of a large fleet takes its time; a coordinator that is silent for so long is gone. */
const SILENCE_MS = 120_000;
/** Twice the heartbeat of an event stream, and a little. */
const STREAM_SILENCE_MS = 35_000;

export interface ApiClient {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  put(path: string, body: unknown): Promise<void>;
  remove(path: string): Promise<void>;
  /** A run's events after `lastId`, until the stream ends or breaks: then it returns, and the caller asks again. */
  events(path: string, lastId: string | null): AsyncGenerator<ServerEvent>;
  /** An answer line by line; throws when it breaks off. */
  lines(path: string): AsyncGenerator<string>;
}

/** Talks to the coordinator of the settings; every answer that is none of success is thrown as the RemoraError that the coordinator meant. */
export const createApiClient = (settings: ClientSettings): ApiClient => {
  const transport = createTransport(settings);
  const send = <T>(request: Omit<HttpRequest, 'silenceMs' | 'headers'>): Promise<T> => {
    // One key for all tries: a request whose answer was lost must not take effect twice.
    const headers: Record<string, string> = request.method === 'GET' ? {} : { 'idempotency-key': randomUUID() };
    return searching(settings.url.origin, async () =>
      readAnswer<T>(await transport({ ...request, headers, silenceMs: SILENCE_MS })),
    );
  };
  return {
    get: (path) => send({ method: 'GET', path }),
    post: (path, body) => send({ method: 'POST', path, body }),
    put: (path, body) => send({ method: 'PUT', path, body }),
    remove: (path) => send({ method: 'DELETE', path }),
    events: (path, lastId) => followStream(transport, settings.url.origin, path, lastId),
    lines: (path) => readLines(transport, settings.url.origin, path),
  };
};

/** Tries until a coordinator answers, with growing pauses, for 20 s. */
const searching = async <T>(origin: string, attempt: () => Promise<T>): Promise<T> => {
  const giveUpAt = performance.now() + SEARCH_MS;
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (performance.now() + pauseMs >= giveUpAt) {
        const message = `No coordinator answered at ${origin} for ${SEARCH_MS / 1000} s: ${messageOf(error)}.`;
        throw new RemoraError('coordinator-unreachable', message, { cause: error });
      }
      await sleep(pauseMs);
    }
  }
};

/** Sends until a coordinator answers with success; its answer is not read yet. */
const openStream = (transport: Transport, origin: string, request: HttpRequest): Promise<IncomingMessage> =>
  searching(origin, async () => {
    const head = await transport(request);
    if (head.statusCode !== 200) await readAnswer(head);
    return head;
  });

async function* readLines(transport: Transport, origin: string, path: string): AsyncGenerator<string> {
  const response = await openStream(transport, origin, { method: 'GET', path, silenceMs: SILENCE_MS });
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of response) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw new RemoraError('coordinator-unreachable', `The answer of ${origin} broke off: ${messageOf(error)}.`);
  } finally {
    response.destroy();
  }
}

async function* followStream(
  transport: Transport,
  origin: string,
  path: string,
  lastId: string | null,
): AsyncGenerator<ServerEvent> {
  const headers = { accept: 'text/event-stream', ...(lastId === null ? {} : { 'last-event-id': lastId }) };
  const response = await openStream(transport, origin, {
    method: 'GET',
    path,
    headers,
    silenceMs: STREAM_SILENCE_MS,
  });
  try {
    yield* readServerEvents(response);
  } catch {
    // A stream that breaks ends; what was missed comes with the next one.
  } finally {
    response.destroy();
  }
}

const readAnswer = async <T>(response: IncomingMessage): Promise<T> => {
  const status = response.statusCode ?? 0;
  const body = await text(response).catch((error: unknown) => {
    throw new NoAnswer(`the answer broke off (${messageOf(error)})`);
  });
  if (status >= 200 && status < 300) return (body === '' ? null : JSON.parse(body)) as T;
  const problem = problemOf(body);
  // A coordinator that is going down, or whose store is, may be back in a moment.
  if (status === 503) throw new NoAnswer(problem?.message ?? 'it is going down');
  throw (
    problem ?? new RemoraError('internal', `The coordinator answered ${status} with something that is not its own.`)
  );
};

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(errorTable, code);

const problemOf = (body: string): RemoraError | null => {
  try {
    const { code, detail, hint, findings } = JSON.parse(body) as Record<string, unknown>;
    if (!isCode(code) || typeof detail !== 'string') return null;
    return new RemoraError(code, detail, {
      ...(typeof hint === 'string' ? { hint } : {}),
      findings: Array.isArray(findings) ? findings.map(String) : [],
    });
  } catch {
    return null;
  }
};
