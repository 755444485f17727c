/**
 * Every key that Remora keeps in Redis, in one place. Values are JSON unless said. No value anywhere holds a secret but `secrets`, which holds them sealed.
 */
const PREFIX = 'remora:';

export const keys = {
  /** hash: storeId, schemaVersion, lastFence, runsCreated, runSteps; restores; restoring, while a back-up is being put back */
  meta: `${PREFIX}meta`,
  /** hash: cluster name -> ClusterRecord */
  clusters: `${PREFIX}clusters`,
  /** hash: CLUSTER/NODE -> NodeRecord */
  nodes: `${PREFIX}nodes`,
  /** hash: certificate fingerprint of an agent -> CLUSTER/NODE */
  agentCertificates: `${PREFIX}agent-certificates`,
  /** string: RotationRecord of the fleet CA, while it is being rotated */
  fleetCaRotation: `${PREFIX}fleet-ca-rotation`,
  /** hash: LOCAL/ALIAS -> AnyConnectionRecord */
  connections: `${PREFIX}connections`,
  /** hash: CA name -> CaRecord */
  cas: `${PREFIX}cas`,
  /** hash: CLUSTER/NODE/PURPOSE -> CertificateRecord */
  certificates: `${PREFIX}certificates`,
  /** hash: CLUSTER/NODE/ALIAS -> SigningCertificateRecord */
  signingCertificates: `${PREFIX}signing-certificates`,
  /** hash: id -> SigningRequestRecord */
  signingRequests: `${PREFIX}signing-requests`,
  /** hash: secret reference -> ApiKeyRecord */
  apiKeys: `${PREFIX}api-keys`,
  /** hash: run -> DebtRecord */
  debts: `${PREFIX}debts`,
  /** hash: CLUSTER/NODE -> RestartTimesRecord */
  restartTimes: `${PREFIX}restart-times`,
  /** hash: name -> CloudRecord */
  clouds: `${PREFIX}clouds`,
  /** hash: CLUSTER/CLOUD/DEPLOYMENT -> DeploymentTrustRecord */
  deploymentTrusts: `${PREFIX}deployment-trusts`,
  /** hash: `webhook` -> WebhookRecord */
  webhooks: `${PREFIX}webhooks`,
  /** hash: name -> ScheduleRecord */
  schedules: `${PREFIX}schedules`,
  /** hash with expiry: a join token's record */
  token: (id: string) => `${PREFIX}token:${id}`,
  /** sorted set: ids of plans by when they were made, in ms since 1970 */
  plans: `${PREFIX}plans`,
  /** string: a StoredPlan that was made and may be run */
  plan: (planId: string) => `${PREFIX}plan:${planId}`,
  /** hash: the run record, see run-hash.ts */
  run: (runId: string) => `${PREFIX}run:${runId}`,
  /** string: the run's own copy of its StoredPlan */
  runPlan: (runId: string) => `${PREFIX}run:${runId}:plan`,
  /** stream: the run's events, the entry's id is SEQ-0 */
  runEvents: (runId: string) => `${PREFIX}run:${runId}:events`,
  /** string with expiry: the run that was started under an idempotency key */
  runOfKey: (digest: string) => `${PREFIX}run-of:${digest}`,
  /** sorted set: run id in the order of creation */
  runs: `${PREFIX}runs`,
  /** set: runs that have not ended, or still have something to restore */
  openRuns: `${PREFIX}open-runs`,
  /** hash: cluster -> run id; without expiry, owned by the run and not by a process */
  locks: `${PREFIX}locks`,
  /** hash: cluster -> id of the run that held it last, or holds it */
  lastHolders: `${PREFIX}last-holders`,
  /** sorted set: waiting run ids in the order of creation, first in first out */
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
  /** stream: the audit log, the entry's id is SEQ-0 */
  audit: `${PREFIX}audit`,
  /** hash: seq and hash of the newest entry of the audit log */
  auditHead: `${PREFIX}audit-head`,
  /** string with expiry: the answer to a change that was recorded and may be sent again */
  auditRequest: (id: string) => `${PREFIX}audit-request:${id}`,
  /** prefix of BullMQ's own keys */
  queues: `${PREFIX}queue`,
} as const;

/** Pub/sub channels; what is published is a wake-up, never the truth. */
export const channels = {
  /** wake-ups for the coordinator that holds a socket */
  coordinator: (coordinatorId: string) => `${PREFIX}to:${coordinatorId}`,
  /** results and progress of deliveries */
  deliveries: `${PREFIX}deliveries`,
  /** ids of runs that have a new event */
  runEvents: `${PREFIX}run-events`,
} as const;
