import type { Socket } from 'node:net';
import type { Effect, LiveNode, SharedState } from './state.ts';
import type { TransportSecurity } from './transport.ts';

/** What an answer is made from. */
export interface NodeView {
  readonly self: LiveNode;
  readonly state: SharedState;
  /** Names of all nodes that belong to the cluster, running or not. */
  readonly all: readonly string[];
  readonly cluster: string;
  readonly password: string;
  readonly configDir: string;
  /** PEM files that the process trusts for connections to remote clusters. */
  readonly authorities: readonly string[];
  /** Files of certificates that elasticsearch.yml names: the keystore of the server, and PEM files of CAs. */
  readonly configuredFiles: { readonly keystores: readonly string[]; readonly authorities: readonly string[] };
  /** What it shows and trusts on transport ports; null without TLS there. */
  readonly transport: () => TransportSecurity;
  /** A secure setting as it was loaded. */
  readonly secret: (name: string) => string | null;
  readonly reload: () => void;
  /** The process at the other end, if it was known when it connected. */
  readonly callerAtConnection: (socket: Socket) => number | null;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Of a request, what an answer depends on. */
export interface Asked {
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly path: string;
  readonly note: (what: Effect['what'], detail: string) => void;
}

export type Route = (view: NodeView, asked: Asked) => Answer | Promise<Answer>;

export const ok = (body: unknown): Answer => ({ status: 200, body });

/** How long a call that changes something takes to answer once it has taken effect: a crash of the caller fits in between. */
export const ANSWER_AFTER_MS = 25;
