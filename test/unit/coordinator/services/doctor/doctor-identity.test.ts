import type { FleetRotation } from '@remora/shared/model/fleet.ts';
import { expect, test } from 'vitest';
import type { NodeRecord } from '../../../../../coordinator/src/plan/records.ts';
import {
  behindLines,
  identityLines,
  rotationLines,
} from '../../../../../coordinator/src/services/doctor/doctor-identity.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
const DAY_MS = 86_400_000;
const days = (count: number): string => new Date(now + count * DAY_MS).toISOString();
const life = (from: number, to: number) => ({ notBefore: days(from), notAfter: days(to) });
const agent = (node: string, from: number, to: number): NodeRecord => ({
  ...{ cluster: 'us', node, agentVersion: '0', certificateFingerprint: node, certificateLife: life(from, to) },
  ...{ joinedAt: '', lastSeen: null, running: true, configDir: '/etc', nodeId: null, version: null },
});
const lines = (caEnds: string, server: ReturnType<typeof life>, nodes: readonly NodeRecord[]) =>
  Object.fromEntries(
    identityLines({ caEnds, server }, nodes, now).map(({ check, ok, detail }) => [check, { ok, detail }]),
  );

test('a fleet whose certificates are renewed in time has nothing to tell but when they end', () => {
  const well = lines(days(3000), life(-200, 197), [agent('us-1', -200, 165), agent('us-2', -1, 364)]);
  expect(well).toMatchObject({
    'fleet CA': { ok: true },
    'server certificate': { ok: true },
    'agent certificates': { ok: true, detail: `2, the next one (us/us-1) ends at ${days(165)}` },
  });
});

test('agents that did not renew are named, those that ended first, with what to do', () => {
  const late = [agent('us-1', -360, 5), agent('us-2', -400, -35), agent('us-3', -100, 265)];
  const { ok, detail } = lines(days(3000), life(-1, 396), late)['agent certificates'] ?? expect.unreachable();
  expect(ok).toBe(false);
  expect(detail).toMatch(/^us\/us-2 ended .*join it again.*us\/us-1 ends .*not renewed/);
  expect(detail).not.toContain('us-3');
});

test('of many late agents ten are named, and the rest counted', () => {
  const many = Array.from({ length: 25 }, (_, index) => agent(`us-${index}`, -360, 5));
  expect(lines(days(3000), life(-1, 396), many)['agent certificates']?.detail).toMatch(/ And 15 more\.$/);
});

test('a fleet CA and a server certificate that end are told in time', () => {
  const told = lines(days(300), life(-390, 7), []);
  expect(told).toMatchObject({ 'fleet CA': { ok: false }, 'server certificate': { ok: false } });
  expect(told).not.toHaveProperty('agent certificates');
});

test('a rotation of the fleet CA is not well while it waits for an agent that is away, which is named', () => {
  const waited = { cluster: 'us', node: 'us-1', lastSeen: days(-3), reason: 'does not trust the new CA yet' };
  const rotation = (online: boolean): FleetRotation => ({
    ...{ phase: 'trust', startedAt: days(-1), startedBy: 'admin', phaseSince: days(-1), switchAfter: days(-1) },
    ...{ from: { fingerprint256: 'a', notAfter: '' }, to: { fingerprint256: 'b', notAfter: '' } },
    waitingFor: [{ ...waited, online }],
  });
  expect(rotationLines(null)).toEqual([]);
  expect(rotationLines(rotation(true))).toMatchObject([{ ok: true, detail: expect.stringContaining('waits for 1') }]);
  expect(rotationLines(rotation(false))).toMatchObject([
    { ok: false, detail: expect.stringMatching(/us\/us-1 \(offline, last seen .*\) does not trust.*nodes remove/) },
  ]);
});

test('agents that did not follow a rotation to its end are named', () => {
  const one = { cluster: 'us', node: 'us-1', lastSeen: days(-3), reason: 'trusts another', online: false };
  expect(behindLines([])).toEqual([]);
  expect(behindLines([one, { ...one, node: 'us-2', online: true }])).toMatchObject([
    {
      ok: false,
      detail: expect.stringMatching(/us\/us-1 \(offline, last seen .*\) trusts.*us\/us-2 \(online\).*nodes remove/),
    },
  ]);
});
