import { runStatuses } from '@remora/shared/model/run.ts';
import type { Registry } from 'prom-client';
import type { Services } from '../../services.ts';
import type { App } from '../app-types.ts';
import { addCertificateMetrics } from './certificate-metrics.ts';
import { addKeyMetrics } from './key-metrics.ts';

/** Counting reads every node and the status of every run, and whoever reaches the address may ask: the store is asked once in this time, however many scrape. */
const COUNTS_TTL_MS = 10_000;

type Sources = Pick<Services, 'nodes' | 'runs' | 'cas' | 'certificates' | 'fleet' | 'apiKeys'>;

/** Answers what `load` gave last, while that is fresh; a failure is not kept. */
const cached = <T>(load: () => Promise<T>): (() => Promise<T>) => {
  let held: { readonly value: Promise<T>; readonly untilMs: number } | null = null;
  return () => {
    if (held && performance.now() < held.untilMs) return held.value;
    const fresh = { value: load(), untilMs: performance.now() + COUNTS_TTL_MS };
    held = fresh;
    fresh.value.catch(() => {
      if (held === fresh) held = null;
    });
    return fresh.value;
  };
};

/**
 * Counts, and names only of clusters, nodes and CAs with dates: of certificates, which a handshake shows as well, and when the first key of a cluster ends. The address needs no token. The library is loaded when somebody
 * first asks, to keep the start short.
 */
export const metricsRoutes = (app: App, services: Sources): void => {
  let registry: Promise<Registry> | undefined;
  app.get('/metrics', { schema: { hide: true }, logLevel: 'silent' }, async (_request, reply) => {
    registry ??= createRegistry(services);
    const { contentType, metrics } = await registry.then(async (found) => ({
      contentType: found.contentType,
      metrics: await found.metrics(),
    }));
    return reply.type(contentType).send(metrics);
  });
};

const createRegistry = async ({ nodes, runs, cas, certificates, fleet, apiKeys }: Sources): Promise<Registry> => {
  const { collectDefaultMetrics, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const allNodes = cached(() => nodes.list());
  const runStates = cached(() => runs.statuses());
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'remora_agents',
    help: 'Nodes with an agent, by whether it is connected.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const all = (await allNodes()).map(({ agent }) => agent);
      for (const state of ['online', 'offline']) {
        this.set({ state }, all.filter((agent) => agent === state).length);
      }
    },
  });
  new Gauge({
    name: 'remora_runs',
    help: 'Runs in the store, by status.',
    labelNames: ['status'],
    registers: [registry],
    async collect() {
      const all = await runStates();
      for (const status of runStatuses) this.set({ status }, all.filter((run) => run === status).length);
    },
  });
  addCertificateMetrics(registry, Gauge, {
    ...{ latest: certificates.latest, nodes: allNodes, cas: cached(() => cas.list()) },
    fleet: cached(() => certificates.fleet()),
    rotationWaits: cached(async () => (await fleet.status()).rotation?.waitingFor.length ?? null),
  });
  addKeyMetrics(
    registry,
    Gauge,
    cached(() => apiKeys.ends()),
  );
  return registry;
};
