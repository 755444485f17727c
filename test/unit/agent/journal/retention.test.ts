import { describe, expect, test } from 'vitest';
import { overdue } from '../../../../agent/src/journal/retention.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;
const state = { digest: '0', uid: 0, gid: 0, mode: 0 };
const change = { path: '/a', label: 'a', before: state, after: state };
const record = (id: number, ageMs: number, more: { acknowledged?: boolean; changes?: boolean } = {}) => ({
  id: String(id),
  startedAtMs: NOW - ageMs,
  acknowledged: more.acknowledged ?? true,
  files: more.changes === false ? [] : [change],
  keystore: null,
});
const many = (count: number, changes = true) => Array.from({ length: count }, (_, i) => record(i, i, { changes }));

describe('what an agent keeps of finished deliveries', () => {
  test('backups of the newest 20 that changed something', () => {
    expect(overdue(many(20), NOW)).toEqual({ records: [], backups: [] });
    expect(overdue(many(22), NOW).backups).toEqual(['20', '21']);
    // Restarts and refusals have none, and take no place.
    const mixed = [...many(50, false), record(99, 1000)];
    expect(overdue(mixed, NOW).backups).toEqual([]);
  });

  test('no backup for longer than 30 days', () => {
    expect(overdue([record(1, 30 * DAY), record(2, 30 * DAY + 1)], NOW).backups).toEqual(['2']);
  });

  test('200 records, and those that nobody has acknowledged', () => {
    const all = [...many(201), record(300, 5 * DAY, { acknowledged: false })];
    expect(overdue(all, NOW).records).toEqual(['200']);
  });

  test('a clock that was set back removes nothing too early', () => {
    expect(overdue([record(1, -DAY)], NOW)).toEqual({ records: [], backups: [] });
  });
});
