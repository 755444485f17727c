import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import { isCaPurpose } from '@remora/shared/model/certificates/certificate-view.ts';
import type { Gauge, Registry } from 'prom-client';
import type { Services } from '../../services.ts';

type GaugeClass = new (configuration: ConstructorParameters<typeof Gauge>[0]) => Gauge;

/** What the gauges are made of; asked at each scrape, so it must be at hand. */
export interface CertificateSources {
  readonly latest: Services['certificates']['latest'];
  readonly cas: () => Promise<
    readonly { readonly name: string; readonly notAfter: string; readonly retiredAt?: string }[]
  >;
  readonly fleet: Services['certificates']['fleet'];
  readonly nodes: () => Promise<readonly { readonly cluster: string; readonly name: string }[]>;
  /** How many agents a rotation of the fleet CA waits for; null while none goes on. */
  readonly rotationWaits: () => Promise<number | null>;
}

/** `served` by the port, in the `file` only, or a CA that is `trusted`. */
type Kind = 'served' | 'file' | 'trusted';

const kindOf = ({ purpose, served }: CertificateView): Kind =>
  isCaPurpose(purpose) ? 'trusted' : served === true ? 'served' : 'file';

const seconds = (iso: string): number => Date.parse(iso) / 1000;

/** Of the nodes that are still there: one that was removed since the last look has no series any more. */
const present = async ({ latest, nodes }: CertificateSources): Promise<CertificateView[]> => {
  const known = new Set((await nodes()).map(({ cluster, name }) => `${cluster}/${name}`));
  return (latest()?.certificates ?? []).filter(({ cluster, node }) => known.has(`${cluster}/${node}`));
};

const byPort = (views: readonly CertificateView[]) =>
  Map.groupBy(views, ({ cluster, node, purpose }) => `${cluster}/${node}/${purpose}`).values();

const labelsOf = ({ cluster, node, purpose }: CertificateView) => ({ cluster, node, purpose });

/**
 * When certificates end, as timestamps, from the last look: no agent is asked by a scrape. A node has at most one series for each purpose and kind; of several CAs
 * that it trusts for a purpose it is the one that ends first.
 */
export const addCertificateMetrics = (registry: Registry, GaugeOf: GaugeClass, sources: CertificateSources): void => {
  const gauge = (name: string, help: string, labelNames: string[], collect: (this: Gauge) => Promise<void>): void => {
    new GaugeOf({ name, help, labelNames, registers: [registry], collect });
  };
  const port = ['cluster', 'node', 'purpose'];
  gauge(
    'remora_certificate_not_after_seconds',
    'When a certificate of a node ends, Unix time. kind: served by the port, in the file only, or a trusted CA (the first that ends).',
    [...port, 'kind'],
    async function () {
      this.reset();
      const views = await present(sources);
      // The one that ends last is set first: of several, the one that ends first stays.
      for (const view of views.toSorted((a, b) => b.notAfter.localeCompare(a.notAfter)))
        this.set({ ...labelsOf(view), kind: kindOf(view) }, seconds(view.notAfter));
    },
  );
  gauge(
    'remora_certificate_mismatch',
    '1 where the file holds another certificate than the port serves, 0 where they agree or one of them could not be seen.',
    port,
    async function () {
      this.reset();
      for (const [view, ...more] of byPort((await present(sources)).filter(({ purpose }) => !isCaPurpose(purpose)))) {
        if (view) this.set(labelsOf(view), [view, ...more].some(({ served }) => served === false) ? 1 : 0);
      }
    },
  );
  gauge(
    'remora_certificate_findings',
    'How many things `remora certs list` finds wrong with the certificates of a purpose on a node.',
    port,
    async function () {
      this.reset();
      for (const views of byPort(await present(sources))) {
        const [first] = views;
        if (first)
          this.set(
            labelsOf(first),
            views.reduce((sum, { findings }) => sum + findings.length, 0),
          );
      }
    },
  );
  gauge('remora_ca_not_after_seconds', 'When a CA of the inventory ends, Unix time.', ['ca'], async function () {
    this.reset();
    for (const { name, notAfter, retiredAt } of await sources.cas()) {
      if (retiredAt === undefined) this.set({ ca: name }, seconds(notAfter));
    }
  });
  gauge(
    'remora_agent_certificate_not_after_seconds',
    'When the certificate of an agent ends, Unix time.',
    ['cluster', 'node'],
    async function () {
      this.reset();
      for (const { cluster, node, notAfter } of (await sources.fleet()).agents)
        this.set({ cluster, node }, seconds(notAfter));
    },
  );
  gauge('remora_fleet_ca_not_after_seconds', 'When the fleet CA ends, Unix time.', [], async function () {
    this.set(seconds((await sources.fleet()).ca));
  });
  gauge(
    'remora_fleet_ca_rotation_waiting_agents',
    'How many agents a rotation of the fleet CA waits for; absent while none goes on.',
    [],
    async function () {
      this.remove();
      const waits = await sources.rotationWaits();
      if (waits !== null) this.set(waits);
    },
  );
  gauge(
    'remora_certificates_age_seconds',
    'How long ago the nodes were looked at; absent before the first time.',
    [],
    async function () {
      this.remove();
      const look = sources.latest();
      if (look) this.set(look.ageMs / 1000);
    },
  );
};
