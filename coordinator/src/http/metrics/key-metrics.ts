import type { Gauge, Registry } from 'prom-client';
import type { KeyEnd } from '../../services.ts';

type GaugeClass = new (configuration: ConstructorParameters<typeof Gauge>[0]) => Gauge;

/** When keys of connections end, by what is on record: no cluster is asked by a scrape. Neither aliases nor keys are named, only the cluster that made them. */
export const addKeyMetrics = (
  registry: Registry,
  GaugeOf: GaugeClass,
  ends: () => Promise<readonly KeyEnd[]>,
): void => {
  new GaugeOf({
    name: 'remora_api_key_expiration_seconds',
    help: 'When an API key of a connection ends, Unix time: of those of a remote cluster the one that ends first. None where no key ends.',
    labelNames: ['cluster'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const [cluster, keys] of Map.groupBy(await ends(), (key) => key.cluster))
        this.set({ cluster }, Math.min(...keys.map(({ expiresAtMs }) => expiresAtMs)) / 1000);
    },
  });
};
