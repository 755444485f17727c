import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import { expect, test } from 'vitest';
import type { CaRecord } from '../../../../../coordinator/src/plan/records.ts';
import { certificateLines } from '../../../../../coordinator/src/services/doctor/doctor-certificates.ts';

const view = (node: string, level: CertificateView['level'], finding: string): CertificateView => ({
  ...{ node, cluster: 'us', purpose: 'http', subject: `CN=${node}`, issuer: 'CN=ca', sans: [], serial: '1' },
  ...{ notBefore: null, notAfter: '2027-01-01T00:00:00.000Z', fingerprint256: null },
  ...{ daysLeft: 30, path: null, served: null, chain: [], ca: null, managed: false },
  ...{ key: null, signature: null, keyMatches: null, level, findings: finding === '' ? [] : [finding] },
});
const lookAt = (certificates: CertificateView[], endedMs = 0) => ({ list: { certificates, problems: [] }, endedMs });
const nowMs = Date.parse('2026-06-01T00:00:00Z');
const lines = (certificates: CertificateView[], askedMs = 0) =>
  certificateLines(lookAt(certificates), [], { nowMs, askedMs });

test('a doctor tells the worst of a cluster first, how many more there are, and nothing of notes', () => {
  const bad = ['us-1', 'us-2', 'us-3'].map((node) => view(node, 'warning', 'It ends in 3 days.'));
  expect(lines([view('us-9', 'note', 'It does not cover 10.0.0.1.'), view('us-8', 'ok', '')])).toEqual([
    { check: 'certificates us', ok: true, detail: '2 looked at' },
  ]);
  expect(lines([...bad, view('us-4', 'critical', 'It ended.')], 2500)).toEqual([
    {
      ...{ check: 'certificates us', ok: false },
      detail:
        'us-4 http: It ended. us-1 http: It ends in 3 days. us-2 http: It ends in 3 days. And 1 more: see `remora certs list`. (as seen 3 s ago: some agent does not answer now)',
    },
  ]);
});

test('what could not be looked at is not told as well', () => {
  const problems = ['us-1', 'us-2', 'us-3', 'us-4'].map((node) => `Node ${node} of cluster us: offline.`);
  const look = { list: { certificates: [view('us-9', 'ok', '')], problems }, endedMs: 0 };
  expect(certificateLines(look, [], { nowMs, askedMs: 0 })).toEqual([
    {
      ...{ check: 'certificates not seen', ok: true },
      detail:
        'skipped: Node us-1 of cluster us: offline. Node us-2 of cluster us: offline. Node us-3 of cluster us: offline. And 1 more: see `remora certs list`.',
    },
    { check: 'certificates us', ok: true, detail: '1 looked at' },
  ]);
});

test('before the first look nothing is said to be wrong; a CA that ends is told without one', () => {
  const ca = (name: string, notAfter: string): CaRecord => ({
    ...{ name, certificatePem: '', certificate: '', key: null },
    facts: {
      ...{ subject: `CN=${name}`, issuer: `CN=${name}`, sans: [], fingerprint256: name, serial: '1' },
      ...{ notBefore: '2020-01-01T00:00:00.000Z', notAfter },
    },
  });
  const retired = { ...ca('old', '2026-01-01T00:00:00.000Z'), retiredAt: '2025-06-01T00:00:00.000Z' };
  const cas = [retired, ca('near', '2026-06-20T00:00:00.000Z'), ca('far', '2030-01-01T00:00:00.000Z')];
  expect(certificateLines(null, cas, { nowMs, askedMs: 0 })).toEqual([
    { check: 'certificates', ok: true, detail: 'skipped: not looked at yet; ask again' },
    {
      ...{ check: 'CA near', ok: false },
      detail:
        'ends at 2026-06-20T00:00:00.000Z: nothing that it signed is trusted after that. `remora ca rotate near` puts another one in its place.',
    },
    { check: 'CA far', ok: true, detail: 'ends at 2030-01-01T00:00:00.000Z' },
  ]);
});
