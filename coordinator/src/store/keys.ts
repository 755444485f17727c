/**
 * Every key that Remora keeps in Redis, in one place. Values are JSON unless said. No value anywhere holds a secret but `secrets`, which holds them sealed.
 */
const PREFIX = 'remora:';

export const keys = {
  /** hash: storeId, schemaVersion */
  meta: `${PREFIX}meta`,
  /** hash: cluster name -> ClusterRecord */
  clusters: `${PREFIX}clusters`,
  /** hash: CLUSTER/NODE -> NodeRecord */
  nodes: `${PREFIX}nodes`,
  /** hash: certificate fingerprint of an agent -> CLUSTER/NODE */
  agentCertificates: `${PREFIX}agent-certificates`,
  /** hash: LOCAL/ALIAS -> ConnectionRecord */
  connections: `${PREFIX}connections`,
  /** hash: CA name -> CaRecord */
  cas: `${PREFIX}cas`,
  /** hash: CLUSTER/NODE/PURPOSE -> CertificateRecord */
  certificates: `${PREFIX}certificates`,
  /** hash: secret reference -> ApiKeyRecord */
  apiKeys: `${PREFIX}api-keys`,
  /** hash with expiry: a join token's record */
  token: (id: string) => `${PREFIX}token:${id}`,
  /** string: a StoredPlan */
  plan: (planId: string) => `${PREFIX}plan:${planId}`,
  /** sorted set: plan id by creation time */
  plans: `${PREFIX}plans`,
  /** hash: the run record, see run-record.ts */
  run: (runId: string) => `${PREFIX}run:${runId}`,
  /** list: the run's events in order */
  runEvents: (runId: string) => `${PREFIX}run:${runId}:events`,
  /** sorted set: run id by creation time */
  runs: `${PREFIX}runs`,
  /** set: runs that have not ended, or still have something to restore */
  openRuns: `${PREFIX}open-runs`,
  /** hash: cluster -> run id; without expiry, owned by the run and not by a process */
  locks: `${PREFIX}locks`,
  /** sorted set: waiting run ids, first in first out */
  waiting: `${PREFIX}waiting`,
  /** hash: CLUSTER/NODE -> {coordinator, epoch} of the newest session */
  sessions: `${PREFIX}sessions`,
  /** counter of session epochs */
  epoch: `${PREFIX}epoch`,
  /** string with expiry: a delivery with its references, then its result */
  delivery: (id: string) => `${PREFIX}delivery:${id}`,
  /** string with expiry: the answer to an idempotency key */
  idempotency: (key: string) => `${PREFIX}idempotency:${key}`,
  /** hashes of sealed secrets */
  secrets: `${PREFIX}secrets`,
} as const;

/** Pub/sub channels; what is published is a wake-up, never the truth. */
export const channels = {
  /** wake-ups for the coordinator that holds a socket */
  coordinator: (coordinatorId: string) => `${PREFIX}to:${coordinatorId}`,
  /** results and progress of deliveries */
  deliveries: `${PREFIX}deliveries`,
  /** run events as they are written */
  runEvents: `${PREFIX}run-events`,
} as const;
