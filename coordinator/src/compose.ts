import { mkdir, statfs } from 'node:fs/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { createApp } from './app.ts';
import { AuditLog } from './audit/audit-log.ts';
import { recordAlone } from './audit/record-alone.ts';
import { openAdminToken } from './auth/admin-token.ts';
import { bearerCheck } from './auth/bearer.ts';
import { systemClock } from './clock.ts';
import { type Closers, createClosers, settled } from './closers.ts';
import type { CoordinatorConfig } from './config.ts';
import { openCoordinatorId } from './coordinator-id.ts';
import { type ClusterClients, clusterClients } from './elasticsearch/clusters.ts';
import { openBoundFleetCas } from './fleet/open-fleet-cas.ts';
import { refuseToStay } from './fleet/others.ts';
import { FleetCaRotation } from './fleet/rotation.ts';
import { createGateway, type Gateway } from './gateway/gateway.ts';
import type { App } from './http/app-types.ts';
import { claimAddress, type Listener, listen, openListener } from './listener.ts';
import type { Log } from './log.ts';
import { openNotifier } from './notify/notifier.ts';
import { openFleetCa } from './pki/fleet-ca/fleet-ca.ts';
import type { FleetCas } from './pki/fleet-ca/fleet-cas.ts';
import type { NodeId } from './plan/node/node-id.ts';
import { newHead, newId, type RunEngine, startRunEngine } from './run/engine.ts';
import { ROLLBACK } from './run/stage/on-failure.ts';
import { nextInRoll } from './run/stage/roll.ts';
import { createExecutors, createRestorers } from './run/steps/executors.ts';
import { type Scheduler, startScheduler } from './schedule/scheduler.ts';
import type { Redactor } from './secrets/redact.ts';
import { openSealingKey } from './secrets/sealing.ts';
import { SecretStore } from './secrets/secret-store.ts';
import { watchCertificates } from './services/certificates/certificate-watch.ts';
import { lookAtCertificates } from './services/certificates/certificates.ts';
import { verifyNode } from './services/clusters/verify-node.ts';
import { createServices, observeParts, type ServiceParts, scheduledWork } from './services/create-services.ts';
import { type ByItselfParts, rollBackByItself } from './services/runs/rollbacks.ts';
import { confirmPlan } from './services/runs/workflows.ts';
import { bindFile, isBound } from './store/bound-files.ts';
import { readDurability } from './store/durability.ts';
import { type Inventory, openInventory } from './store/inventory.ts';
import { keys } from './store/keys.ts';
import { openStore, type Store } from './store/open-store.ts';
import { startPrivateRedis } from './store/private-redis/private-redis.ts';
import { RunStore } from './store/runs/run-store.ts';
import { bindStoreId, type StoreProblem, watchStore } from './store/store-identity.ts';
import { VERSION } from './version.ts';

export interface Coordinator {
  /** Hands runs over, closes sockets, and stops what was started; never throws because one part of it failed. */
  close(): Promise<void>;
}

/** What lies below everything else: the store, the fleet's CA and the files of the data directory. */
interface Ground {
  readonly store: Store;
  readonly coordinatorId: string;
  readonly fleetCas: FleetCas;
  readonly adminTokenHash: Buffer;
  readonly listener: Listener;
}

/** Everything that a coordinator is made of, put together and listening. Throws when a part does not start, after closing those that did. */
export const startCoordinator = async (
  config: CoordinatorConfig,
  log: Log,
  redactor: Redactor,
): Promise<Coordinator> => {
  const closers = createClosers(log);
  try {
    const ground = await openGround(config, log, closers);
    const secrets = await openSecrets(config, ground.store, redactor);
    // Last: a store that refused the fleet CA or the sealing key is not the one that this data directory belongs to.
    await bindStoreId(config.dataDir, ground.store.storeId);
    await openHouse(config, log, closers, { ...ground, redactor, secrets });
    return { close: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
};

const openGround = async (config: CoordinatorConfig, log: Log, closers: Closers): Promise<Ground> => {
  await makeDataDir(config.dataDir);
  closers.add('the claim on the address', await claimAddress(config));
  const { dataDir } = config;
  const [store, fleetCa, adminTokenHash, coordinatorId] = await settled([
    openRedis(config, log, closers),
    openFleetCa({ directory: dataDir, now: systemClock }),
    openAdminToken(dataDir),
    openCoordinatorId(config),
  ]);
  const owner = { dataDir, coordinatorId, isPrivate: isPrivate(config) };
  const fleetCas = await openBoundFleetCas({ ...owner, redis: store.redis, fleetCa });
  return { store, coordinatorId, fleetCas, adminTokenHash, listener: await openListener(config, fleetCas, log) };
};

/** A private store lies beside the files: whoever takes them away there, and leaves the store, wants new ones. */
const isPrivate = ({ redisUrl }: CoordinatorConfig): boolean => redisUrl === null;

const makeDataDir = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new RemoraError('data-directory', `The data directory ${path} cannot be made: ${messageOf(error)}.`, {
      hint: 'Name another one with --data-dir, or mend the permissions.',
      cause: error,
    });
  }
};

const openRedis = async (config: CoordinatorConfig, log: Log, closers: Closers): Promise<Store> => {
  if (config.redisUrl !== null) {
    const store = await openStore({ url: config.redisUrl }, config.dataDir);
    closers.add('the store', () => store.close());
    await warnOfLosses(store, log);
    return store;
  }
  const privateRedis = await startPrivateRedis({ directory: config.dataDir, log });
  closers.add('the private Redis', () => privateRedis.stop());
  const store = await openStore(privateRedis.options, config.dataDir);
  closers.add('the store', () => store.close());
  return store;
};

/** A shared Redis is somebody else's to set up; the private one is started as it has to be. */
const warnOfLosses = async ({ redis }: Store, log: Log): Promise<void> => {
  const { problems, unknown } = await readDurability(redis);
  for (const problem of problems) log.warn(`the shared Redis may lose what was done: ${problem}`);
  if (unknown !== null) log.warn(unknown);
};

/** A sealing key is made for a store without secrets only, and by the first of its coordinators: with another key, those that are there could never be opened again. */
const openSecrets = async (
  config: CoordinatorConfig,
  { redis }: Store,
  redactor: Pick<Redactor, 'add'>,
): Promise<SecretStore> => {
  const isEmpty = (await redis.exists(keys.secrets)) === 0;
  const isFree = isEmpty && (isPrivate(config) || !(await isBound(redis, 'sealingKeyId')));
  const sealer = await openSealingKey(config.sealingKeyFile, { create: isFree });
  await bindFile(redis, {
    ...{ name: 'sealingKeyId', value: sealer.keyId, path: config.sealingKeyFile },
    ...{ dataDir: config.dataDir, replace: isFree && isPrivate(config) },
  });
  return new SecretStore(redis, sealer, { onValue: redactor.add });
};

const openClients = (inventory: Inventory, secrets: SecretStore, closers: Closers): ClusterClients => {
  const clients = clusterClients({
    record: (name) => inventory.clusters.get(name),
    secret: async (reference) => (await secrets.get(reference)).toString(),
  });
  closers.add('the connections to clusters', () => clients.close());
  return clients;
};

const openHouse = async (
  config: CoordinatorConfig,
  log: Log,
  closers: Closers,
  ground: Ground & { readonly secrets: SecretStore; readonly redactor: Redactor },
): Promise<void> => {
  const { store, coordinatorId, fleetCas, adminTokenHash, listener, secrets } = ground;
  const { redis, subscriber, storeId } = store;
  const storeProblem = watchStore(redis, storeId);
  const inventory = openInventory(redis);
  const clients = openClients(inventory, secrets, closers);
  const house: { app?: App } = {};
  // Stopped after runs and gateway, although made after them: a server is not closed while agents' sockets are open.
  closers.add('the HTTP server', () => house.app?.close());
  const gateway: Gateway = await createGateway({
    ...{ redis, subscriber, inventory, fleetCas, secrets, storeId, storeProblem, log, coordinatorId },
    publicUrls: [config.publicUrl],
    agentCertificateMs: config.agentCertificateMs,
    verifyNode: verifyNode(clients),
  });
  closers.add('the gateway', () => gateway.close());
  await refuseToStay({ redis, coordinatorId });
  const history = new RunStore(redis, systemClock);
  const parts = { inventory, secrets, clients, gateway, clock: systemClock, history };
  const engine = await startRuns(store, { ...parts, storeProblem }, log, ground.redactor);
  const working: { close(): Promise<void> }[] = [engine];
  // Together: each may take as long as a coordinator has to stop.
  closers.add('runs, schedules and notifications', () => Promise.all(working.map((one) => one.close())));
  const certificateWatch = watchCertificates(() => lookAtCertificates(observeParts(parts)));
  closers.add('the watch over certificates', certificateWatch.keepLooking(log));
  const fleetCa = new FleetCaRotation({
    ...{ redis, clock: systemClock, log, dataDir: config.dataDir, coordinatorId, fleetCas, gateway },
    ...{ nodes: inventory.nodes, serve: listener.refresh },
  });
  const scheduling: { scheduler?: Scheduler } = {};
  const serving: ServiceParts = {
    ...{ ...parts, runs: engine, audit: new AuditLog(redis), certificateWatch, fleetCa },
    recordAlone: recordAlone(redis, systemClock),
    lockOf: (cluster) => redis.hget(keys.locks, cluster),
    planning: { newPlanId, ...engine },
    health: {
      pingStore: () => pingStore(store),
      durability: () => readDurability(redis),
      freeBytes: () => freeBytes(config.dataDir),
      storeProblem,
      identity: () => ({ caEnds: fleetCas.state().signing.notAfter, server: listener.certificate() }),
    },
    wakeSchedule: async (name) => scheduling.scheduler?.look(name),
  };
  const services = createServices(serving);
  const notifier = openNotifier(store.address, {
    ...{ webhooks: inventory.webhooks, clock: systemClock, log },
    secret: async (reference) => (await secrets.get(reference)).toString('utf8'),
  });
  scheduling.scheduler = startScheduler(store, {
    ...{ schedules: inventory.schedules, begin: scheduledWork(serving), runs: engine, clock: systemClock },
    ...{ tell: notifier.tell, storeProblem, log, firstLookMs: FIRST_SCHEDULE_LOOK_MS },
  });
  working.push(notifier, scheduling.scheduler);
  const app = await createApp({
    ...{ services, redis, log, version: VERSION, server: listener.server, storeProblem },
    bearer: bearerCheck(adminTokenHash),
  });
  house.app = app;
  gateway.register(app);
  gateway.attach(listener.made());
  closers.add('the renewal of the certificate', listener.keepCertificate());
  closers.add('the rotation of the fleet CA', fleetCa.keepGoing());
  await listen(app, config);
};

/** Agents of a coordinator that was away are back by then. */
const FIRST_SCHEDULE_LOOK_MS = 15_000;

const newPlanId = (): string => newId('plan', systemClock());

const startRuns = (
  store: Store,
  parts: Parameters<typeof observeParts>[0] & { readonly history: RunStore; readonly storeProblem: StoreProblem },
  log: Log,
  redactor: Redactor,
): Promise<RunEngine> => {
  const { gateway, clock, clients, history } = parts;
  const observing = observeParts(parts);
  const isOnline = (node: NodeId): Promise<boolean> => gateway.sessions.isOnline(node);
  const fileFirst: ByItselfParts['fileFirst'] = (plan, { actor, idempotencyKey, options }) =>
    history.create(newHead(plan, clock(), { actor, options }), plan, idempotencyKey, true);
  const { secretVersions, cloud } = observing;
  const stepParts = { ...parts, agents: gateway.calls, isOnline, secretVersions, cloud };
  return startRunEngine(store, {
    executors: createExecutors(stepParts),
    restorers: {
      ...createRestorers(parts),
      [ROLLBACK]: rollBackByItself({ ...observing, newPlanId, fileFirst }),
    },
    nextInRoll: nextInRoll(clients),
    isOnline,
    storeProblem: parts.storeProblem,
    recheck: confirmPlan(observing),
    ...{ agents: gateway.calls, clock, log, redact: redactor.text },
  });
};

/** A write and a read back, in ms. */
const pingStore = async ({ redis }: Store): Promise<number> => {
  const began = performance.now();
  await redis.hset(keys.meta, 'lastChecked', systemClock().toISOString());
  await redis.hget(keys.meta, 'lastChecked');
  return performance.now() - began;
};

const freeBytes = async (directory: string): Promise<number> => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};
