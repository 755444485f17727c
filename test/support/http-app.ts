import { pino } from 'pino';
import { createApp } from '../../coordinator/src/app.ts';
import { AuditLog } from '../../coordinator/src/audit/audit-log.ts';
import { recordAlone } from '../../coordinator/src/audit/record-alone.ts';
import { hashToken } from '../../coordinator/src/auth/admin-token.ts';
import { bearerCheck } from '../../coordinator/src/auth/bearer.ts';
import { openNamedCloud } from '../../coordinator/src/cloud/open.ts';
import { clusterClients } from '../../coordinator/src/elasticsearch/clusters.ts';
import { FleetCaRotation } from '../../coordinator/src/fleet/rotation.ts';
import type { App } from '../../coordinator/src/http/app-types.ts';
import { openFleetCas, soleFleetCa } from '../../coordinator/src/pki/fleet-ca/fleet-cas.ts';
import { newId, type RunEngine, startRunEngine } from '../../coordinator/src/run/engine.ts';
import { nextInRoll } from '../../coordinator/src/run/stage/roll.ts';
import { createExecutors, createRestorers } from '../../coordinator/src/run/steps/executors.ts';
import { watchCertificates } from '../../coordinator/src/services/certificates/certificate-watch.ts';
import { lookAtCertificates } from '../../coordinator/src/services/certificates/certificates.ts';
import { createServices, observeParts } from '../../coordinator/src/services/create-services.ts';
import { keys } from '../../coordinator/src/store/keys.ts';
import { RunStore } from '../../coordinator/src/store/runs/run-store.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from './gateway-fleet.ts';

export const adminToken = 'the-admin-token-of-the-tests';

export interface HttpFleet {
  readonly app: App;
  readonly fleet: GatewayFleet;
  /** The gateway that agents reach. */
  readonly coordinator: TestCoordinator;
  readonly engine: RunEngine;
  /** The lines that the app logged. */
  readonly logs: string[];
  stop(): Promise<void>;
}

/** The HTTP API on real services: a real Redis, a gateway behind real TLS, the clusters `us` and `eu`, at whose address nothing listens. */
export const startHttpFleet = async (): Promise<HttpFleet> => {
  const fleet = await startGatewayFleet();
  const coordinator = await fleet.coordinator('one');
  const redis = fleet.store.connect();
  const clients = clusterClients({
    record: (name) => fleet.inventory.clusters.get(name),
    secret: async (reference) => (await fleet.secrets.get(reference)).toString(),
  });
  const logs: string[] = [];
  const log = pino({}, { write: (line: string) => logs.push(line) });
  const parts = {
    ...{ clients, inventory: fleet.inventory, secrets: fleet.secrets, agents: coordinator.gateway.calls },
    isOnline: coordinator.gateway.sessions.isOnline,
    clock: () => new Date(),
    secretVersions: async () => ({}),
    cloud: (name: string, signal?: AbortSignal) =>
      openNamedCloud({ clouds: fleet.inventory.clouds, secrets: fleet.secrets }, name, signal),
  };
  const engine = await startRunEngine(
    {
      ...{ redis, subscriber: fleet.store.connect(), storeId: fleet.storeId, close: async () => undefined },
      address: { path: redis.options.path ?? '' },
    },
    {
      ...{ executors: createExecutors(parts), restorers: createRestorers(parts), nextInRoll: nextInRoll(clients) },
      ...{ agents: parts.agents, clock: parts.clock, log, redact: (text: string) => text },
    },
  );
  const history = new RunStore(redis, parts.clock);
  const ground = { ...parts, gateway: coordinator.gateway, history };
  const certificateWatch = watchCertificates(() => lookAtCertificates(observeParts(ground)));
  const services = createServices({
    ...{ inventory: fleet.inventory, secrets: fleet.secrets, clients, gateway: coordinator.gateway },
    ...{ clock: parts.clock, history, runs: engine, certificateWatch, audit: new AuditLog(redis) },
    fleetCa: new FleetCaRotation({
      ...{
        redis,
        clock: parts.clock,
        log,
        dataDir: fleet.directory,
        coordinatorId: 'one',
        nodes: fleet.inventory.nodes,
      },
      ...{
        fleetCas: openFleetCas(soleFleetCa(fleet.fleetCa)),
        gateway: coordinator.gateway,
        serve: async () => undefined,
      },
    }),
    wakeSchedule: async () => undefined,
    recordAlone: recordAlone(redis, parts.clock),
    lockOf: (cluster) => redis.hget(keys.locks, cluster),
    planning: { newPlanId: () => newId('plan', new Date()), ...engine },
    health: {
      durability: async () => ({ problems: [], unknown: null }),
      pingStore: async () => redis.ping().then(() => 1),
      freeBytes: async () => 1e9,
      identity: () => ({
        caEnds: fleet.fleetCa.notAfter,
        server: { notBefore: new Date().toISOString(), notAfter: fleet.fleetCa.notAfter },
      }),
    },
  });
  const app = await createApp({ services, bearer: bearerCheck(hashToken(adminToken)), redis, log, version: '0.0.0' });
  return {
    ...{ app, fleet, coordinator, logs, engine },
    async stop() {
      await app.close();
      await engine.close();
      await clients.close();
      await fleet.stop();
    },
  };
};
