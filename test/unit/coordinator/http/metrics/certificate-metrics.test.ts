import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { addCertificateMetrics } from '../../../../../coordinator/src/http/metrics/certificate-metrics.ts';

const view = (node: string, purpose: CertificateView['purpose'], more: Partial<CertificateView>): CertificateView => ({
  ...{ node, cluster: 'us', purpose, subject: `CN=${node}`, issuer: 'CN=ca', sans: [], serial: '1' },
  ...{ notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2027-01-01T00:00:00.000Z', fingerprint256: node },
  ...{ daysLeft: 30, path: null, served: null, chain: [], ca: null, managed: false },
  ...{ key: null, signature: null, keyMatches: null, level: 'ok', findings: [] },
  ...more,
});

const certificates = [
  view('us-1', 'transport', { served: true, findings: ['one', 'two'] }),
  view('us-1', 'transport', { served: false, notAfter: '2028-01-01T00:00:00.000Z' }),
  view('us-2', 'http', { served: true }),
  view('us-1', 'transport_ca', { notAfter: '2026-12-01T00:00:00.000Z' }),
  view('us-1', 'transport_ca', { notAfter: '2036-01-01T00:00:00.000Z' }),
];

test('a node has one series for each purpose and kind, none once it was removed, and no scrape looks at it', async () => {
  const registry = new Registry();
  let latest: { certificates: CertificateView[]; ageMs: number } | null = null;
  let nodes = ['us-1', 'us-2'];
  let waits: number | null = null;
  addCertificateMetrics(registry, Gauge, {
    latest: () => latest,
    nodes: async () => nodes.map((name) => ({ cluster: 'us', name })),
    fleet: async () => ({
      ca: '2035-01-01T00:00:00.000Z',
      agents: [{ cluster: 'us', node: 'us-1', notAfter: '2026-09-01T00:00:00.000Z' }],
    }),
    rotationWaits: async () => waits,
    cas: async () => [
      { name: 'us-remote', notAfter: '2036-01-01T00:00:00.000Z' },
      { name: 'us-old', notAfter: '2026-01-01T00:00:00.000Z', retiredAt: '2025-06-01T00:00:00.000Z' },
    ],
  });
  const lines = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const fleetEnds = Date.UTC(2035, 0) / 1000;
  const ca = `remora_ca_not_after_seconds{ca="us-remote"} ${Date.UTC(2036, 0) / 1000}`;
  const own = [
    ...[ca, `remora_fleet_ca_not_after_seconds ${fleetEnds}`],
    `remora_agent_certificate_not_after_seconds{cluster="us",node="us-1"} ${Date.UTC(2026, 8) / 1000}`,
  ];
  expect((await lines()).sort()).toEqual(own.toSorted());

  latest = { certificates, ageMs: 12_500 };
  const at = (node: string, purpose: string, kind?: string): string =>
    `{cluster="us",node="${node}",purpose="${purpose}"${kind === undefined ? '' : `,kind="${kind}"`}}`;
  const ends = 'remora_certificate_not_after_seconds';
  const ofFirst = [
    `${ends}${at('us-1', 'transport', 'served')} ${Date.UTC(2027, 0) / 1000}`,
    `${ends}${at('us-1', 'transport', 'file')} ${Date.UTC(2028, 0) / 1000}`,
    `${ends}${at('us-1', 'transport_ca', 'trusted')} ${Date.UTC(2026, 11) / 1000}`,
    `remora_certificate_mismatch${at('us-1', 'transport')} 1`,
    `remora_certificate_findings${at('us-1', 'transport')} 2`,
    `remora_certificate_findings${at('us-1', 'transport_ca')} 0`,
    ...[...own, 'remora_certificates_age_seconds 12.5'],
  ];
  const ofSecond = [
    `${ends}${at('us-2', 'http', 'served')} ${Date.UTC(2027, 0) / 1000}`,
    `remora_certificate_mismatch${at('us-2', 'http')} 0`,
    `remora_certificate_findings${at('us-2', 'http')} 0`,
  ];
  expect((await lines()).sort()).toEqual([...ofFirst, ...ofSecond].sort());
  nodes = ['us-1'];
  expect((await lines()).sort()).toEqual([...ofFirst].sort());
  waits = 2;
  expect((await lines()).sort()).toEqual([...ofFirst, 'remora_fleet_ca_rotation_waiting_agents 2'].sort());
});
