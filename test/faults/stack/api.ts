import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where one coordinator is, and its data directory with the administrator's token. */
export interface ApiPlace {
  readonly port: number;
  readonly dataDir: string;
}

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Makes a call that is sent again the same call. */
  readonly key?: string;
}

const once = ({ port, dataDir }: ApiPlace, call: ApiCall): Promise<{ status: number; body: string }> => {
  const read = (file: string): string => readFileSync(join(dataDir, file), 'utf8');
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const sent = request(
    {
      ...{ host: '127.0.0.1', port, path: `/api/v1${call.path}`, method: call.method, agent: false, timeout: 20_000 },
      ca: read('fleet-ca.crt'),
      headers: {
        authorization: `Bearer ${read('admin.token').trim()}`,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(call.key === undefined ? {} : { 'idempotency-key': call.key }),
      },
    },
    (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    },
  );
  sent.on('timeout', () => sent.destroy(new Error('no answer within 20 s')));
  sent.on('error', reject);
  sent.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  return promise;
};

const PATIENCE_MS = 30_000;

/** Calls whichever of the coordinators answers, as the CLI does: again for a while where none does. Rejects on any status that is no success. */
export const callApi = async <T>(places: () => readonly ApiPlace[], call: ApiCall): Promise<T> => {
  let why = 'no coordinator runs';
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(100)) {
    for (const place of places()) {
      const answer = await once(place, call).catch((error: unknown) => ({ status: 0, body: String(error) }));
      if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.body || 'null') as T;
      why = `${answer.status} ${answer.body}`;
      if (answer.status >= 400 && answer.status < 500) throw new Error(`${call.method} ${call.path}: ${why}`);
    }
  }
  throw new Error(`${call.method} ${call.path}: ${why}`);
};
