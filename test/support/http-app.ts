import { hashToken } from '../../coordinator/src/auth/admin-token.ts';
import { bearerCheck } from '../../coordinator/src/auth/bearer.ts';
import { createApp } from '../../coordinator/src/app.ts';
import { clusterClients } from '../../coordinator/src/elasticsearch/clusters.ts';
import type { App } from '../../coordinator/src/http/app-types.ts';
import { createServices, type ServiceParts } from '../../coordinator/src/services/create-services.ts';
import { pino } from 'pino';
import { type GatewayFleet, startGatewayFleet } from './gateway-fleet.ts';

export const adminToken = 'the-admin-token-of-the-tests';

export interface HttpFleet {
  readonly app: App;
  readonly fleet: GatewayFleet;
  /** The lines that the app logged. */
  readonly logs: string[];
  stop(): Promise<void>;
}

/** The HTTP API on real services: a real Redis, a gateway behind real TLS, the clusters `us` and `eu`, at whose address nothing listens. */
export const startHttpFleet = async (running: Pick<ServiceParts, 'runs' | 'planning'>): Promise<HttpFleet> => {
  const fleet = await startGatewayFleet();
  const coordinator = await fleet.coordinator('one');
  const redis = fleet.store.connect();
  const clients = clusterClients({
    record: (name) => fleet.inventory.clusters.get(name),
    secret: async (reference) => (await fleet.secrets.get(reference)).toString(),
  });
  const services = createServices({
    ...{ inventory: fleet.inventory, secrets: fleet.secrets, clients, gateway: coordinator.gateway },
    ...{ clock: () => new Date(), ...running },
    health: { pingStore: async () => redis.ping().then(() => 1), freeBytes: async () => 1e9 },
  });
  const logs: string[] = [];
  const log = pino({}, { write: (line: string) => logs.push(line) });
  const app = await createApp({ services, bearer: bearerCheck(hashToken(adminToken)), redis, log, version: '0.0.0' });
  return {
    ...{ app, fleet, logs },
    async stop() {
      await app.close();
      await clients.close();
      await fleet.stop();
    },
  };
};
