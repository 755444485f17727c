import Type, { type Static } from 'typebox';

/**
 * The life of a session: an agent dials `wss://COORDINATOR/agent/v1/session` with its client certificate and says `hello`; the coordinator answers
 * `welcome` or closes with a reason. Of several sessions of one node only the newest epoch may deliver.
 */

/** agent -> coordinator, the first message. */
export const Hello = Type.Object({
  type: Type.Literal('hello'),
  version: Type.Integer(),
  agentVersion: Type.String(),
  name: Type.String(),
  cluster: Type.String(),
  /** The store that this agent was enrolled in; another one is refused. */
  storeId: Type.String(),
  fence: Type.Integer(),
  elasticsearch: Type.Object({
    running: Type.Boolean(),
    configDir: Type.String(),
    pid: Type.Union([Type.Integer(), Type.Null()]),
  }),
});

/** coordinator -> agent, the answer. */
export const Welcome = Type.Object({
  type: Type.Literal('welcome'),
  version: Type.Integer(),
  epoch: Type.Integer(),
  heartbeatMs: Type.Integer(),
  /** The times that the store was restored from a back-up, oldest first, and when each back-up was made: what an agent wrote later, the store does not know. */
  restores: Type.Optional(Type.Array(Type.Object({ id: Type.String(), backupAtMs: Type.Integer() }))),
});

/** agent -> coordinator every `heartbeatMs`. Says whether Elasticsearch runs and which delivery is being carried out. */
export const Heartbeat = Type.Object({
  type: Type.Literal('heartbeat'),
  running: Type.Boolean(),
  pid: Type.Union([Type.Integer(), Type.Null()]),
  delivery: Type.Union([Type.String(), Type.Null()]),
});

/** agent -> coordinator before it closes on SIGTERM: no more deliveries, please. */
export const Draining = Type.Object({ type: Type.Literal('draining') });

export type Hello = Static<typeof Hello>;
export type Welcome = Static<typeof Welcome>;
export type Heartbeat = Static<typeof Heartbeat>;
export type Draining = Static<typeof Draining>;
