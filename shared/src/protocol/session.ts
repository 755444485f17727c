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
  /** SHA-256 of the fleet CAs that the agent trusts, lower-case hex. Absent: an agent of an earlier release, which cannot be told of others. */
  trusts: Type.Optional(Type.Array(Type.String(), { maxItems: 8 })),
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
  /** Whether this coordinator answers `renew`: one of an earlier release would end the session. */
  renews: Type.Optional(Type.Boolean()),
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

/**
 * agent -> coordinator, once welcome: a certificate for a new key, please. The session's own certificate is the right to it. What was issued counts beside that
 * one until a session was opened with it, so that neither side can be cut off at an instant when the other one holds another certificate.
 */
export const Renew = Type.Object({
  type: Type.Literal('renew'),
  /** SubjectPublicKeyInfo, PEM. */
  publicKeyPem: Type.String({ maxLength: 4096 }),
  /** Base64 of an RSASSA-PKCS1-v1_5 SHA-256 signature over `renewalProof`. */
  signature: Type.String({ maxLength: 2048 }),
});

/** coordinator -> agent, the answer; none comes when the certificate could not be issued now. */
export const Renewed = Type.Object({ type: Type.Literal('renewed'), certificatePem: Type.String() });

/**
 * coordinator -> agent, once welcome: trust these fleet CAs and no others. The agent takes only what holds a CA that it trusts now, and of others those that
 * such a one vouches for; it leaves out what has ended, and answers once that is on its disk. Sent again until it was answered.
 */
export const Trust = Type.Object({
  type: Type.Literal('trust'),
  /** PEM, one certificate each. */
  certificatesPem: Type.Array(Type.String({ maxLength: 16_384 }), { minItems: 1, maxItems: 4 }),
  /** What they say of each other, blocks as in vouchers.ts; nothing for one. */
  vouchers: Type.String({ maxLength: 16_384 }),
});

/** agent -> coordinator, the answer: SHA-256 of what it trusts now, lower-case hex. */
export const Trusted = Type.Object({
  type: Type.Literal('trusted'),
  fingerprints: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 8 }),
});

/** coordinator -> agent that trusts the CA which signs now: ask for a certificate of that one, at a moment of your own within this time. */
export const RenewSoon = Type.Object({
  type: Type.Literal('renew-soon'),
  withinMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
});

export type Hello = Static<typeof Hello>;
export type Welcome = Static<typeof Welcome>;
export type Heartbeat = Static<typeof Heartbeat>;
export type Draining = Static<typeof Draining>;
export type Renew = Static<typeof Renew>;
export type Renewed = Static<typeof Renewed>;
export type Trust = Static<typeof Trust>;
export type Trusted = Static<typeof Trusted>;
export type RenewSoon = Static<typeof RenewSoon>;
