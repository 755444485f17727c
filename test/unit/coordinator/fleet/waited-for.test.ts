import type { FleetRotationPhase } from '@remora/shared/model/fleet.ts';
import { expect, test } from 'vitest';
import { behindOf, waitedFor } from '../../../../coordinator/src/fleet/waited-for.ts';
import type { NodeRecord } from '../../../../coordinator/src/plan/records.ts';

const node = (name: string, more: Partial<NodeRecord>): NodeRecord => ({
  ...{ cluster: 'us', node: name, agentVersion: '0', certificateFingerprint: name, joinedAt: '', lastSeen: 'then' },
  ...{ running: true, configDir: '/etc', nodeId: null, version: null },
  ...more,
});
const pending = { fingerprint: '', publicKey: '', certificatePem: '' };
const nodes = [
  node('fresh', { lastSeen: null, certificateIssuer: 'new' }),
  node('earlier', {}),
  node('behind', { fleetCas: ['old'], certificateIssuer: 'old' }),
  node('trusting', { fleetCas: ['old', 'new'], certificateIssuer: 'old' }),
  node('half', {
    fleetCas: ['old', 'new'],
    certificateIssuer: 'old',
    renewedCertificate: { ...pending, issuer: 'new' },
  }),
  node('done', { fleetCas: ['old', 'new'], certificateIssuer: 'new' }),
];

test.each<[FleetRotationPhase, string[]]>([
  ['trust', ['fresh', 'earlier', 'behind']],
  ['renew', ['fresh', 'earlier', 'behind', 'trusting', 'half']],
  ['drop', []],
  ['back', ['fresh', 'half', 'done']],
])('in %s it waits for those that have something to do', (phase, names) => {
  const found = waitedFor(nodes, new Set(['us/earlier']), { phase, newCa: 'new' });
  expect(found.map((one) => one.node)).toEqual(names);
  expect(found.filter(({ online }) => online).map((one) => one.node)).toEqual(
    names.filter((name) => name === 'earlier'),
  );
});

test('says of each what stands in the way', () => {
  const reasons = waitedFor(nodes, new Set(), { phase: 'renew', newCa: 'new' }).map(({ reason }) => reason);
  expect(reasons).toEqual([
    expect.stringMatching(/never connected/),
    expect.stringMatching(/earlier release, update it/),
    expect.stringMatching(/does not trust the new CA yet/),
    ...[1, 2].map(() => expect.stringMatching(/no certificate of the new CA yet/)),
  ]);
});

test('after it, those that do not trust the one CA alone are behind', () => {
  const after = [
    ...[node('earlier', {}), node('well', { fleetCas: ['new'] })],
    ...[node('both', { fleetCas: ['old', 'new'] }), node('lost', { fleetCas: ['old'] })],
  ];
  expect(behindOf(after, new Set(['us/both']), 'new')).toMatchObject([
    { node: 'both', online: true, reason: expect.stringContaining('not in use any more') },
    { node: 'lost', online: false, reason: expect.stringContaining('join it again') },
  ]);
});
