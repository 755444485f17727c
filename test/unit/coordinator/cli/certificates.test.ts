import type { CertificateView } from '@remora/shared/model/certificates/certificate-view.ts';
import { describe, expect, test } from 'vitest';
import { certificateTable } from '../../../../coordinator/src/cli/show/certificates.ts';

const now = Date.parse('2026-06-01T12:00:00Z');
const view = (node: string, more: Partial<CertificateView>): CertificateView => ({
  ...{ node, cluster: 'us', purpose: 'http', subject: `CN=${node}`, issuer: 'CN=ca', sans: [], serial: '1' },
  ...{ notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2027-06-02T00:00:00.000Z', fingerprint256: node },
  ...{ daysLeft: 365, path: 'http.crt', served: true, chain: [], ca: 'ours', managed: true },
  ...{ key: 'RSA 3072', signature: null, keyMatches: true, level: 'ok', findings: [] },
  ...more,
});
const lines = (views: readonly CertificateView[]): string[] => certificateTable(views, views.length, now).split('\n');

describe('certificates for the wall', () => {
  test('say first how it stands; what differs in nothing that is shown is one line', () => {
    const shown = lines([
      view('us-9', { notAfter: '2026-06-01T15:20:30.000Z', level: 'warning', findings: ['It ends in 3 hours.'] }),
      ...['us-10', 'us-2', 'us-1', 'us-3'].map((node) => view(node, {})),
      view('us-1', { purpose: 'http_ca', served: null, subject: 'CN=ca', ca: null, path: 'ca.crt', key: null }),
    ]);
    expect(shown).toEqual([
      '6 certificates on 5 nodes: 1 to be seen to (!), 5 well',
      '',
      'Certificates of ports',
      '  LEFT         LIFE    UNTIL       WHERE                PORT  KEY       SUBJECT     BY    FILE',
      '! 3 h 20 min   █░░░░░  2026-06-01  us/us-9              http  RSA 3072  CN=us-9     ours  http.crt',
      '  365 d        █████░  2027-06-02  us/us-1 … us-10 (4)  http  RSA 3072  CN=us-10 …  ours  http.crt',
      '',
      'CAs that are trusted',
      '  LEFT         LIFE    UNTIL       WHERE    TRUSTED FOR  KEY  SUBJECT  BY     FILE',
      '  365 d        █████░  2027-06-02  us/us-1  http              CN=ca    CN=ca  ca.crt',
      '',
      'To look at',
      '! us/us-9 http: It ends in 3 hours.',
    ]);
  });

  test('tell each finding once, the worst first, and what no port serves beside the port', () => {
    const weak: Partial<CertificateView> = { level: 'warning', findings: ['It is weak.'], served: false };
    const shown = lines([
      view('us-1', weak),
      view('us-2', weak),
      view('us-3', { notAfter: '2026-05-01T00:00:00.000Z', level: 'critical', findings: ['It ended.'] }),
      view('us-4', { level: 'note', findings: ['It does not cover 10.0.0.1.'], served: null, notBefore: null }),
    ]);
    expect(shown.filter((line) => /^X |NOT SERVED|not seen/.test(line)).map((line) => line.slice(0, 60))).toEqual([
      expect.stringMatching(/^! 365 d +█████░ {2}2027-06-02 {2}us\/us-1, us-2 /),
      expect.stringMatching(/^X ENDED +░░░░░░ {2}2026-05-01 {2}us\/us-3 /),
      expect.stringMatching(/^· 365 d +2027-06-02 {2}us\/us-4 /),
      'X us/us-3 http: It ended.',
    ]);
    expect(shown.slice(shown.indexOf('To look at'))).toEqual([
      'To look at',
      'X us/us-3 http: It ended.',
      '! us/us-1, us-2 http: It is weak.',
      '· us/us-4 http: It does not cover 10.0.0.1.',
    ]);
  });

  test.each([
    ['2026-06-01T12:01:59.000Z', '1 min'],
    ['2026-06-03T11:00:00.000Z', '1 d 23 h'],
    ['2026-06-03T12:00:00.000Z', '2 d'],
    ['2026-06-01T12:00:00.000Z', 'ENDED'],
  ])('what ends at %s has %s left', (notAfter, left) => {
    expect(
      lines([view('us-1', { notAfter })])[4]
        ?.slice(2, 12)
        .trim(),
    ).toBe(left);
  });

  test('say so where there is nothing to show', () => {
    expect(certificateTable([], 7, now)).toBe('None of the 7 certificates is meant by this.');
    expect(certificateTable([], 0, now)).toMatch(/^No certificate was found/);
  });
});
