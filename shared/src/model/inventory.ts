import Type, { type Static } from 'typebox';
import { CertificateFacts } from './certificates/certificate.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** The JSON that `clusters`, `nodes` and `connections` answer (design/contract of the CLI). */
export const ClusterView = Type.Object({
  name: Type.String(),
  urls: Type.Array(Type.String()),
  /** null while no URL answers; `error` says why. */
  version: Nullable(Type.String()),
  license: Nullable(Type.String()),
  health: Nullable(Type.String()),
  /** Number of nodes in the cluster. */
  nodes: Nullable(Type.Integer()),
  clusterUuid: Nullable(Type.String()),
  user: Type.String(),
  error: Nullable(Type.String()),
  /** Of a deployment in Elastic Cloud, which has no agents: the cloud's API does what these do elsewhere. */
  deployment: Type.Optional(Type.Object({ cloud: Type.String(), id: Type.String() })),
});
export type ClusterView = Static<typeof ClusterView>;

/** What `clusters add` answers. */
export const ClusterAdded = Type.Object({
  ...ClusterView.properties,
  /** It was known: its URLs, CA, user and password took the place of the old ones. */
  updated: Type.Boolean(),
  /** The URLs that did not answer; at least one did. */
  unreachable: Type.Array(Type.String()),
});
export type ClusterAdded = Static<typeof ClusterAdded>;

export const NodeView = Type.Object({
  name: Type.String(),
  cluster: Type.String(),
  agent: Type.Union([Type.Literal('online'), Type.Literal('offline')]),
  agentVersion: Type.String(),
  lastSeen: Nullable(Type.String()),
  elasticsearch: Type.Object({
    running: Type.Boolean(),
    version: Nullable(Type.String()),
    nodeId: Nullable(Type.String()),
    /** The configuration directory. */
    config: Type.String(),
  }),
});
export type NodeView = Static<typeof NodeView>;

export const proofStates = ['ok', 'failed', 'n/a'] as const;

/** What one local node proved of a connection by a real authenticated request. */
export const NodeProof = Type.Object({
  node: Type.String(),
  ok: Type.Boolean(),
  /** `n/a`: a node without the role remote_cluster_client makes no connection; with an error: Remora's user may not ask over it, so nothing is proven either way. */
  state: Type.Enum([...proofStates]),
  error: Nullable(Type.String()),
  hint: Nullable(Type.String()),
});
export type NodeProof = Static<typeof NodeProof>;

/** How far one local node comes to one address of a connection. */
export const PathView = Type.Object({
  node: Type.String(),
  /** `HOST:PORT` */
  address: Type.String(),
  ok: Type.Boolean(),
  /** What did not hold: reaching it, or the handshake (chain, name, dates); null when both do. */
  failed: Nullable(Type.Enum(['tcp', 'tls'])),
  error: Nullable(Type.String()),
  hint: Nullable(Type.String()),
  /** What is served there; null when nothing was. */
  certificate: Nullable(
    Type.Object({
      subject: Type.String(),
      issuer: Type.String(),
      notAfter: Type.String(),
      fingerprint256: Type.String(),
    }),
  ),
});
export type PathView = Static<typeof PathView>;

/** What `_remote/info` answers of a connection, as one node of the local cluster sees it: how it is set and how much of it is open, never whether it works. */
export const ConnectionInfo = Type.Object({
  skipUnavailable: Type.Boolean(),
  /** As Elasticsearch writes it, `30s`. */
  initialConnectTimeout: Type.String(),
  /** Of sniff mode, as are the two below. */
  seeds: Type.Optional(Type.Array(Type.String())),
  nodesConnected: Type.Optional(Type.Integer()),
  /** `node_connections`; Elasticsearch calls it `max_connections_per_cluster` here. */
  maxNodeConnections: Type.Optional(Type.Integer()),
  /** Of proxy mode, as are the three below. */
  proxyAddress: Type.Optional(Type.String()),
  serverName: Type.Optional(Nullable(Type.String())),
  proxySocketsConnected: Type.Optional(Type.Integer()),
  maxProxySocketConnections: Type.Optional(Type.Integer()),
});
export type ConnectionInfo = Static<typeof ConnectionInfo>;

const Anything = Type.Object({}, { additionalProperties: true });

/** How a connection is set up. What is on record is absent of one that Remora does not manage, and what a key grants of one whose key others made. */
export const ConnectionSetUp = Type.Object({
  /** The persistent settings `cluster.remote.ALIAS.*`, as Elasticsearch answers them: text, or a list of texts. Where `staticNodes` says so, those of elasticsearch.yml of one of these. */
  settings: Type.Record(Type.String(), Type.Unknown()),
  /** What the key grants, in the form of the create cross-cluster API key API. */
  access: Type.Optional(Anything),
  /** How long it lives, as given; null without end. */
  expires: Type.Optional(Nullable(Type.String())),
  /** What people gave for its metadata. */
  metadata: Type.Optional(Anything),
  /** By which the remote cluster's servers are known; none where Java's own public ones do. */
  cas: Type.Optional(Type.Array(Type.String())),
  /** Of one that was taken over: whether the remote servers, and what local nodes trust, stay as people made them. */
  byHand: Type.Optional(Type.Object({ servers: Type.Boolean(), trust: Type.Boolean() })),
});
export type ConnectionSetUp = Static<typeof ConnectionSetUp>;

export const ConnectionView = Type.Object({
  local: Type.String(),
  /** null when Remora does not know which cluster is behind the alias. */
  remote: Nullable(Type.String()),
  /** Of a connection whose remote cluster others run: `remote` is what people call it, and no cluster that is known. Absent otherwise. */
  remoteManaged: Type.Optional(Type.Literal(false)),
  alias: Type.String(),
  auth: Type.Union([Type.Literal('api_key'), Type.Literal('certificate')]),
  mode: Type.Union([Type.Literal('sniff'), Type.Literal('proxy')]),
  /** Nodes in whose elasticsearch.yml the alias stands, `all` that connect; absent where it stands in the cluster's settings. */
  staticNodes: Type.Optional(Type.Union([Type.Literal('all'), Type.Array(Type.String())])),
  connected: Type.Boolean(),
  proof: Type.Array(NodeProof),
  /** Of `connections check`: every local node that makes connections, to every address that it connects to. */
  paths: Type.Optional(Type.Array(PathView)),
  key: Nullable(Type.Object({ id: Type.String(), name: Type.String(), expiresAt: Nullable(Type.String()) })),
  managed: Type.Boolean(),
  /** Absent where the local cluster does not answer, or has no such alias registered. */
  info: Type.Optional(ConnectionInfo),
  /** Of `connections show`, where the local cluster answers. */
  setUp: Type.Optional(ConnectionSetUp),
});
export type ConnectionView = Static<typeof ConnectionView>;

export const CertificateView = Type.Intersect([
  CertificateFacts,
  Type.Object({ node: Type.String(), cluster: Type.String(), purpose: Type.String(), path: Type.String() }),
]);
export type CertificateView = Static<typeof CertificateView>;

/** What a check found. One that could not be made is `skipped`. */
export const DoctorLine = Type.Object({ check: Type.String(), ok: Type.Boolean(), detail: Type.String() });
export type DoctorLine = Static<typeof DoctorLine>;

const SKIPPED = 'skipped: ';

/** Of a check that could not be made: nothing is wrong as far as is known, and nothing is proven. */
export const skipped = (why: string): Pick<DoctorLine, 'ok' | 'detail'> => ({ ok: true, detail: `${SKIPPED}${why}` });

/** Null for one that was made. */
export const whySkipped = ({ ok, detail }: DoctorLine): string | null =>
  ok && detail.startsWith(SKIPPED) ? detail.slice(SKIPPED.length) : null;
