import type { Client, Connection, TransportRequestOptions, TransportRequestParams } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { adviceFor } from './advice.ts';

/** How to reach a cluster: what `clusters add` was given. */
export interface ClusterAccess {
  readonly name: string;
  /** https://HOST:PORT each; tried in turn. */
  readonly urls: readonly string[];
  /** PEM of the CA that signed the HTTPS certificates; null trusts the system's CAs. */
  readonly caPem: string | null;
  readonly user: string;
  readonly password: string;
}

/** No further URL is tried after this long: callers wait. */
const TRY_FOR_MS = 25_000;

/** Loaded at the first call: the library takes a good part of a second, which a coordinator's start should not pay. */
const load = async () => {
  const library = await import('@elastic/elasticsearch');

  /** Stays with the URL that answers; one that fails goes to the end of the line, so that each is tried before one is tried again. */
  class UrlsInTurn extends library.BaseConnectionPool {
    override getConnection(): Connection | null {
      return this.connections[0] ?? null;
    }

    override markDead(connection: Connection): this {
      if (this.connections.includes(connection))
        this.connections = [...this.connections.filter((other) => other !== connection), connection];
      return super.markDead(connection);
    }
  }

  class Transport extends library.Transport {
    constructor(options: ConstructorParameters<typeof library.Transport>[0]) {
      // The client of 9.x names its version in every media type, and 8.x refuses that; plain JSON both understand.
      const vendoredHeaders = {
        jsonContentType: 'application/json',
        ndjsonContentType: 'application/x-ndjson',
        accept: 'application/json,text/plain',
      };
      super({ ...options, vendoredHeaders });
    }

    /** A call that only reads is tried at each URL in turn; one that may change something only where it surely was not sent. */
    override async request<T>(params: TransportRequestParams, options?: TransportRequestOptions): Promise<T> {
      const reads = params.method === 'GET' || params.method === 'HEAD';
      const giveUpAt = performance.now() + TRY_FOR_MS;
      for (let others = this.connectionPool.size - 1; ; others -= 1) {
        try {
          return await super.request<T>(params, options);
        } catch (error) {
          const again = reads ? isNoAnswer(error) : isUnsent(error);
          if (others <= 0 || !again || performance.now() > giveUpAt) throw error;
        }
      }
    }
  }
  return { library, Transport, UrlsInTurn };
};
let loaded: ReturnType<typeof load> | undefined;

const accesses = new WeakMap<Client, ClusterAccess>();

/** What a client was opened with. */
export const accessOf = (client: Client): ClusterAccess | undefined => accesses.get(client);

/**
 * Opens a client for one cluster. Calls time out after `timeoutMs` (10 s by default: the architecture's limit of a call that changes something). The library
 * repeats none, and the client only those that do no harm twice: the runner decides what else may be repeated.
 */
export const openClient = async (access: ClusterAccess, timeoutMs = 10_000): Promise<Client> => {
  loaded ??= load();
  const { library, Transport, UrlsInTurn } = await loaded;
  const client = new library.Client({
    nodes: [...access.urls],
    auth: { username: access.user, password: access.password },
    ...(access.caPem === null ? {} : { tls: { ca: access.caPem } }),
    Connection: library.HttpConnection,
    ConnectionPool: UrlsInTurn,
    Transport,
    maxRetries: 0,
    requestTimeout: timeoutMs,
  });
  accesses.set(client, access);
  return client;
};

interface Cause {
  readonly reason?: string;
  readonly caused_by?: Cause;
}

/** What came of what, from the outside in: where a body cannot be parsed, only the innermost says why. */
const reasonsOf = ({ reason, caused_by: cause }: Cause): string[] => [
  ...(reason ? [reason] : []),
  ...(cause ? reasonsOf(cause) : []),
];

interface Failure {
  readonly statusCode?: number;
  readonly body?: {
    error?: (Cause & { type?: string; suppressed?: readonly { reason?: string }[] }) | string;
  };
  readonly name?: string;
  readonly message?: string;
}

const reasonOf = (failure: Failure): string => {
  const error = failure.body?.error;
  if (typeof error === 'string') return error;
  if (!error) return failure.message ?? 'no reason given';
  const first = [...new Set(reasonsOf(error))].join(': ') || (error.type ?? 'no reason given');
  // Of several settings that are wrong the first stands alone, and the others beside it.
  const more = (error.suppressed ?? []).flatMap(({ reason }) => reason ?? []);
  return [...new Set([first, ...more])].join('; ');
};

/** Whether a call failed before Elasticsearch could have seen it, or without an answer. */
export const isConnectionFailure = (error: unknown): boolean =>
  error instanceof Error &&
  ['ConnectionError', 'TimeoutError', 'NoLivingConnectionsError', 'RequestAbortedError'].includes(error.name);

/** Whether a URL did not answer for the cluster, so that another one may. */
const isNoAnswer = (error: unknown): boolean =>
  (error instanceof Error && ['ConnectionError', 'TimeoutError'].includes(error.name)) ||
  [502, 503, 504].includes(statusOf(error) ?? 0);

/** Whether no connection came about. The library keeps the words of Node's error only. */
const isUnsent = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ConnectionError' && /^(connect E[A-Z]+ |getaddrinfo )/.test(error.message);

export const statusOf = (error: unknown): number | undefined => (error as Failure).statusCode;

/** What helps when a cluster that is known became another one to log in to or to trust. */
export const changedAccess = (cluster: string): string =>
  `Check --url, --ca, --user and --password-file of \`remora clusters add ${cluster} …\`: given again for a cluster that is known, they take the place of the old ones.`;

/** Turns what the library threw into a sentence with a code: what was tried, on which cluster, what came back. */
export const explain = (error: unknown, cluster: string, tried: string): RemoraError => {
  if (error instanceof RemoraError) return error;
  const failure = error as Failure;
  if (isConnectionFailure(error)) {
    return new RemoraError(
      'cluster-unreachable',
      `${tried} on cluster ${cluster}: no answer (${failure.message ?? failure.name}).`,
      { cause: error },
    );
  }
  if (failure.statusCode === 401) {
    return new RemoraError(
      'cluster-credentials',
      `${tried} on cluster ${cluster}: the user or password was refused (401: ${reasonOf(failure)}).`,
      { hint: changedAccess(cluster), cause: error },
    );
  }
  const status = failure.statusCode ? `${failure.statusCode}: ` : '';
  const reason = reasonOf(failure).replace(/\.$/, '');
  const hint = adviceFor(reason);
  return new RemoraError('elasticsearch-error', `${tried} on cluster ${cluster}: ${status}${reason}.`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
};
