import type { KeyView } from '@remora/shared/model/keys/key-view.ts';
import { expect, test } from 'vitest';
import { keysTable } from '../../../../../coordinator/src/cli/show/api-keys.ts';

const now = Date.parse('2026-06-01T12:00:00Z');
const key = (more: Partial<KeyView>): KeyView => ({
  ...{ cluster: 'us', id: 'k1', name: 'remora-eu-us', invalidated: false, connections: ['eu/us'], owner: 'remora' },
  ...{ expiresAt: '2026-08-20T12:00:00.000Z', createdAt: '2026-05-22T12:00:00.000Z', access: 'search logs-*' },
  ...{ managed: true, level: 'ok', findings: [] },
  ...more,
});

test('keys are shown with how long they live, who has them and what is wrong, the worst first', () => {
  const keys = [
    key({ level: 'warning', expiresAt: '2026-06-01T15:20:30.000Z', findings: ['It ends soon.'] }),
    key({}),
    key({ id: 'k2', name: 'theirs', managed: false, connections: [], expiresAt: null, access: 'replicate archive-*' }),
    key({ id: 'k3', name: 'left', connections: [] }),
    key({ id: 'k4', invalidated: true, level: 'critical', connections: ['old/us'], findings: ['It was invalidated.'] }),
  ];
  expect(keysTable(keys, 9, now).split('\n')).toEqual([
    '5 API keys, 4 of them valid',
    '',
    '  LEFT         CLUSTER  USED BY       GRANTS               MADE        OWNER   ID  NAME',
    '! 3 h 20 min   us       eu/us         search logs-*        2026-05-22  remora  k1  remora-eu-us',
    '  80 d         us       eu/us         search logs-*        2026-05-22  remora  k1  remora-eu-us',
    "  no end       us       not Remora's  replicate archive-*  2026-05-22  remora  k2  theirs",
    '  80 d         us       none          search logs-*        2026-05-22  remora  k3  left',
    'X INVALIDATED  us       old/us        search logs-*        2026-05-22  remora  k4  remora-eu-us',
    '',
    'To look at',
    'X us remora-eu-us: It was invalidated.',
    '! us remora-eu-us: It ends soon.',
  ]);
});

test('that there is none is said, and that none is meant', () => {
  expect(keysTable([], 0, now)).toContain('No cluster that is known has a cross-cluster API key');
  expect(keysTable([], 3, now)).toBe('None of the 3 API keys is meant by this.');
});
