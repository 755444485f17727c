import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import Type from 'typebox';
import { Value } from 'typebox/value';

/** How an organization's Elastic Cloud is reached. */
export interface CloudAccess {
  readonly name: string;
  /** Origin, without path. */
  readonly url: string;
  /** Text of the API key. */
  readonly apiKey: string;
  /** PEM text; null trusts the system's CAs. */
  readonly caPem: string | null;
}

/** A request below `/api/v1`. Each may be sent again: those that change something set a value, or say which version they change. */
export interface CloudRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** For the sentence of an error: what it does. */
  readonly what: string;
}

export interface CloudAnswer {
  readonly body: unknown;
  /** Version of the deployment, where the answer has one. */
  readonly version: string | null;
}

/** An answer that is no success: `cloud-unreachable` where Elastic Cloud fails or is busy itself. */
export class CloudRefusal extends RemoraError {
  readonly status: number;
  /** Codes of the Elastic Cloud API, like `deployments.deployment_not_found`. */
  readonly codes: readonly string[];

  constructor(message: string, { status, codes, hint }: { status: number; codes: readonly string[]; hint?: string }) {
    const code = status >= 500 || status === 429 ? 'cloud-unreachable' : 'cloud-refused';
    super(code, message, hint === undefined ? {} : { hint });
    this.status = status;
    this.codes = codes;
  }
}

const ANSWER_LIMIT_MS = 30_000;
const TRIES = 4;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** Nothing was changed, or it may be asked for again. */
const PASSING = [429, 502, 503, 504];

interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const send = (
  access: CloudAccess,
  { method, path, query, body }: CloudRequest,
  signal?: AbortSignal,
): Promise<Received> => {
  const url = new URL(`/api/v1${path}`, access.url);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const payload = body === undefined ? null : JSON.stringify(body);
  const limit = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const options = {
    ...{ method, agent: false as const, signal: signal === undefined ? limit : AbortSignal.any([limit, signal]) },
    headers: {
      ...{ authorization: `ApiKey ${access.apiKey}`, accept: 'application/json', 'user-agent': 'remora' },
      ...(payload === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
    },
    ...(access.caPem === null ? {} : { ca: access.caPem }),
  };
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, options, (response) => {
      const { statusCode = 0, headers } = response;
      text(response).then((received) => resolve({ status: statusCode, headers, text: received }), reject);
    });
    sent.on('error', reject);
    sent.end(payload);
  });
};

const Refused = Type.Object({
  errors: Type.Array(
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      fields: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});

const parsed = (received: string): unknown => {
  try {
    return JSON.parse(received);
  } catch {
    return null;
  }
};

const hintOf = (name: string, status: number): { readonly hint?: string } =>
  status === 401 || status === 403
    ? { hint: `Give the cloud an API key that may do it: \`remora clouds add ${name} --api-key-file FILE\`.` }
    : {};

const refusalOf = (
  { name, url }: CloudAccess,
  { what }: CloudRequest,
  { status, text: received }: Received,
): CloudRefusal => {
  const body = parsed(received);
  const errors = Value.Check(Refused, body) ? body.errors : [];
  const said = errors.map(({ code, message, fields }) => `${message} (${[code, ...(fields ?? [])].join(', ')})`);
  const answer = said.join('; ') || received.slice(0, 200) || 'nothing';
  return new CloudRefusal(`${what}: Elastic Cloud ${name} (${url}) answered ${status}: ${answer}`, {
    ...{ status, codes: errors.map(({ code }) => code) },
    ...hintOf(name, status),
  });
};

/** How long to wait until the same may be asked for again, in ms. */
const waitOf = (tried: number, received: Received | null): number => {
  const seconds = Number(received?.headers['retry-after'] ?? Number.NaN);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : FIRST_WAIT_MS * 2 ** tried;
  return Math.min(wait, LONGEST_WAIT_MS);
};

export interface RequestParts {
  /** In ms. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Asks the Elastic Cloud API, again where it does not answer or is busy. Throws CloudRefusal for an answer that is no success, and `cloud-unreachable` where none came.
 * The API key stands in no error.
 */
export const cloudRequest = async (
  access: CloudAccess,
  request: CloudRequest,
  { sleep, signal }: RequestParts,
): Promise<CloudAnswer> => {
  for (let tried = 0; ; tried += 1) {
    const received = await send(access, request, signal).catch((error: unknown) => error);
    const isLast = tried === TRIES - 1;
    if (signal?.aborted) throw signal.reason;
    if (!(received instanceof Object) || !('status' in received)) {
      if (isLast)
        throw new RemoraError(
          'cloud-unreachable',
          `${request.what}: Elastic Cloud ${access.name} (${access.url}) did not answer: ${messageOf(received)}.`,
          { cause: received },
        );
      await sleep(waitOf(tried, null));
      continue;
    }
    const answer = received as Received;
    if (answer.status >= 200 && answer.status < 300) {
      const version = answer.headers['x-cloud-resource-version'];
      return { body: parsed(answer.text), version: typeof version === 'string' ? version : null };
    }
    if (isLast || !PASSING.includes(answer.status)) throw refusalOf(access, request, answer);
    await sleep(waitOf(tried, answer));
  }
};
