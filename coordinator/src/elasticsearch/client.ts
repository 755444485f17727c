import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';

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

/** Loaded at the first call: the library takes a good part of a second, which a coordinator's start should not pay. */
const load = async () => {
  const library = await import('@elastic/elasticsearch');
  /** The client of 9.x names its version in every media type, and 8.x refuses that; plain JSON both understand. */
  class PlainJsonTransport extends library.Transport {
    constructor(options: ConstructorParameters<typeof library.Transport>[0]) {
      const vendoredHeaders = {
        jsonContentType: 'application/json',
        ndjsonContentType: 'application/x-ndjson',
        accept: 'application/json,text/plain',
      };
      super({ ...options, vendoredHeaders });
    }
  }
  return { library, PlainJsonTransport };
};
let loaded: ReturnType<typeof load> | undefined;

/**
 * Opens a client for one cluster. Calls time out after `timeoutMs` (10 s by default: the architecture's limit of a call that changes something) and are
 * never repeated by the library: the runner decides what may be repeated.
 */
export const openClient = async (access: ClusterAccess, timeoutMs = 10_000): Promise<Client> => {
  loaded ??= load();
  const { library, PlainJsonTransport } = await loaded;
  return new library.Client({
    nodes: [...access.urls],
    auth: { username: access.user, password: access.password },
    ...(access.caPem === null ? {} : { tls: { ca: access.caPem } }),
    Connection: library.HttpConnection,
    Transport: PlainJsonTransport,
    maxRetries: 0,
    requestTimeout: timeoutMs,
  });
};

interface Failure {
  readonly statusCode?: number;
  readonly body?: { error?: { type?: string; reason?: string; caused_by?: { reason?: string } } | string };
  readonly name?: string;
  readonly message?: string;
}

const reasonOf = (failure: Failure): string => {
  const error = failure.body?.error;
  if (typeof error === 'string') return error;
  if (!error) return failure.message ?? 'no reason given';
  return [error.reason, error.caused_by?.reason].filter(Boolean).join(': ') || (error.type ?? 'no reason given');
};

/** Whether a call failed before Elasticsearch could have seen it, or without an answer. */
export const isConnectionFailure = (error: unknown): boolean =>
  error instanceof Error &&
  ['ConnectionError', 'TimeoutError', 'NoLivingConnectionsError', 'RequestAbortedError'].includes(error.name);

export const statusOf = (error: unknown): number | undefined => (error as Failure).statusCode;

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
      { cause: error },
    );
  }
  const status = failure.statusCode ? `${failure.statusCode}: ` : '';
  return new RemoraError('elasticsearch-error', `${tried} on cluster ${cluster}: ${status}${reasonOf(failure)}.`, {
    cause: error,
  });
};
