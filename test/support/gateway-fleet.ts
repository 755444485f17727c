import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { createGateway, type Gateway, type GatewayParts } from '../../coordinator/src/gateway/gateway.ts';
import type { App } from '../../coordinator/src/http/app-types.ts';
import { type FleetCa, openFleetCa } from '../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { openFleetCas, soleFleetCa } from '../../coordinator/src/pki/fleet-ca/fleet-cas.ts';
import { createSealer } from '../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../coordinator/src/secrets/secret-store.ts';
import { type Inventory, openInventory } from '../../coordinator/src/store/inventory.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** A gateway behind a real HTTPS server, as the coordinator wires it. */
export interface TestCoordinator {
  readonly url: string;
  readonly server: Server;
  readonly gateway: Gateway;
  /** The lines that it logged. */
  readonly logs: string[];
  /** Stops it in good order. */
  stop(): Promise<void>;
  /** Cuts every connection without a word, as the end of its process does. */
  kill(): void;
}

/** What several coordinators share: Redis, the fleet CA, sealed secrets. */
export interface GatewayFleet {
  readonly redis: Redis;
  readonly store: TestRedis;
  readonly storeId: string;
  readonly fleetCa: FleetCa;
  /** Where the fleet CA's files are. */
  readonly directory: string;
  readonly secrets: SecretStore;
  readonly inventory: Inventory;
  /** `peers` are URLs of further coordinators that joining agents are told of. */
  coordinator(
    id: string,
    more?: Partial<GatewayParts> & { readonly peers?: readonly string[] },
  ): Promise<TestCoordinator>;
  stop(): Promise<void>;
}

const addCluster = (inventory: Inventory, name: string): Promise<void> =>
  inventory.clusters.put(name, {
    ...{ name, urls: ['https://localhost:9200'], caPem: null, user: 'remora', password: `secret:${name}@1` },
    ...{ clusterUuid: `uuid-of-${name}`, addedAt: new Date().toISOString() },
  });

const listen = async (fleetCa: FleetCa): Promise<{ app: App; server: Server }> => {
  const tls = await fleetCa.issueServerCertificate({ hosts: ['localhost'] });
  let server: Server | undefined;
  const app: App = fastify({
    forceCloseConnections: true,
    serverFactory(listener) {
      const { certificatePem: cert, privateKeyPem: key } = tls;
      const options = { cert, key, ca: fleetCa.certificatePem, requestCert: true, rejectUnauthorized: false };
      server = createServer(options, listener as RequestListener);
      return server;
    },
  });
  if (!server) throw new Error('fastify made no server');
  return { app, server };
};

/** Answers a fleet with the clusters `us` and `eu`, and no coordinator yet. */
export async function startGatewayFleet(): Promise<GatewayFleet> {
  const store = await startRedis();
  const directory = await mkdtemp(join(tmpdir(), 'remora-fleet-'));
  const fleetCa = await openFleetCa({ directory, now: () => new Date() });
  const redis = store.connect();
  const inventory = openInventory(redis);
  const secrets = new SecretStore(redis, createSealer(randomBytes(32)));
  const storeId = 'store-1';
  const running = new Set<TestCoordinator>();
  await addCluster(inventory, 'us');
  await addCluster(inventory, 'eu');
  return {
    ...{ redis, store, storeId, fleetCa, directory, secrets, inventory },
    async coordinator(id, { peers = [], ...more } = {}) {
      const { app, server } = await listen(fleetCa);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `https://localhost:${(server.address() as AddressInfo).port}`;
      const [commands, subscriber] = [store.connect(), store.connect()];
      const logs: string[] = [];
      const gateway = await createGateway({
        ...{
          redis: commands,
          subscriber,
          inventory,
          fleetCas: openFleetCas(soleFleetCa(fleetCa)),
          secrets,
          storeId,
          coordinatorId: id,
          agentCertificateMs: 365 * 86_400_000,
          publicUrls: [url, ...peers],
        },
        log: pino({}, { write: (line: string) => logs.push(line) }),
        ...more,
      });
      gateway.register(app);
      await app.ready();
      gateway.attach(server);
      const cut = (): void => {
        server.close();
        server.closeAllConnections();
        commands.disconnect();
        subscriber.disconnect();
      };
      const coordinator: TestCoordinator = {
        ...{ url, server, gateway, logs },
        async stop() {
          if (!running.delete(coordinator)) return;
          await gateway.close();
          cut();
        },
        kill() {
          running.delete(coordinator);
          cut();
        },
      };
      running.add(coordinator);
      return coordinator;
    },
    async stop() {
      await Promise.all([...running].map((coordinator) => coordinator.stop()));
      await store.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
