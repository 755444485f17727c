import { join } from 'node:path';
import type { AuditEntry } from '@remora/shared/model/audit.ts';
import type { DoctorLine } from '@remora/shared/model/inventory.ts';
import type { ScheduleAdded, ScheduleView } from '@remora/shared/model/schedule.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keys } from '../../../coordinator/src/store/keys.ts';
import type { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { createStoreBed, type StoreBed } from '../../support/store-bed.ts';
import { until } from '../run/bench.ts';
import { startReceiver } from './receiver.ts';

const SECRET = 'a secret of sixteen or more';
const TOKEN = 't0p-secret-of-the-query';
let bed: StoreBed;
let first: CoordinatorProcess;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

beforeAll(async () => {
  [bed, receiver] = await Promise.all([createStoreBed(), startReceiver(SECRET)]);
  first = await bed.start('first');
});
afterAll(async () => {
  await receiver.stop();
  await bed[Symbol.asyncDispose]();
});

const ok = async <T>(args: readonly string[], stdin?: string): Promise<T> => {
  const { code, stdout, stderr } = await bed.cli('first', [...args, '--json'], stdin);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
};
const nightly = ['schedules', 'add', 'nightly', '--do', 'rotate-expiring', '--cron'];

test('a schedule is added, changed, listed, paused, resumed and removed, which is recorded', async () => {
  await ok([...nightly, '0 3 * * *', '--timezone', 'Europe/Berlin', '--window', '2h', '--jitter', '20m']);
  const [listed] = await ok<ScheduleView[]>(['schedules', 'list']);
  expect(listed).toMatchObject({
    ...{ name: 'nightly', cron: '0 3 * * *', timezone: 'Europe/Berlin', do: 'rotate-expiring', paused: false },
    ...{ window: '2h', jitter: '20m', last: null },
  });
  expect(listed?.nextRuns).toHaveLength(3);
  const changed = await bed.cli('first', [...nightly, '30 4 * * *', '--validity', '90d']);
  expect(changed.stderr).toContain('Schedule nightly was known');
  expect(await ok(['schedules', 'show', 'nightly'])).toMatchObject({
    ...{ cron: '30 4 * * *', timezone: 'UTC', window: null, arguments: { validity: '90d' } },
  });
  expect(await ok(['schedules', 'pause', 'nightly'])).toMatchObject({ paused: true, nextRuns: [] });
  expect(await ok(['schedules', 'run', 'nightly'])).toMatchObject({ outcome: 'nothing-to-do', runId: null });
  expect(await ok(['schedules', 'resume', 'nightly'])).toMatchObject({ paused: false });
  expect(await ok(['schedules', 'remove', 'nightly'])).toEqual({ removed: 'nightly' });
  expect(await ok(['schedules', 'list'])).toEqual([]);
  const actions = (await ok<AuditEntry[]>(['audit', 'list'])).map(({ action }) => action).reverse();
  expect(actions).toEqual(['add', 'update', 'pause', 'run', 'resume', 'remove'].map((verb) => `schedule.${verb}`));
  expect(await ok(['runs', 'list'])).toEqual([]);
});

test.each<[string, readonly string[], RegExp]>([
  [
    'an expression of four fields',
    ['--cron', '0 3 * *', '--do', 'rotate-expiring'],
    /does not have five or six fields/,
  ],
  ['a later workflow', ['--cron', '0 3 * * *', '--do', 'drift-check'], /`--do drift-check` is not supported yet/],
  ['no workflow', ['--cron', '0 3 * * *', '--do', 'x'], /a schedule does rotate-expiring, rotate-key or certs-report/],
  [
    'a window that is too long',
    ['--cron', '0 3 * * *', '--do', 'rotate-expiring', '--window', '25h'],
    /--window 25h is longer than the shortest time between two fires of "0 3 \* \* \*", which is 1 day/,
  ],
  [
    'an argument of another workflow',
    ['--cron', '0 3 * * *', '--do', 'certs-report', '--validity', '3d'],
    /--validity has nothing to do/,
  ],
  [
    'a rotation of what it has just made',
    ['--cron', '0 3 * * *', '--do', 'rotate-expiring', '--expiring', '48h', '--validity', '2d'],
    /--expiring 48h is not shorter than --validity 2d: each run would replace/,
  ],
  ['a report with a window', ['--cron', '0 3 * * *', '--do', 'certs-report', '--window', '1h'], /changes nothing/],
  ['a zone that is none', ['--cron', '0 3 * * *', '--do', 'certs-report', '--timezone', 'Mars'], /no such time zone/],
  ['a cluster that is not known', ['--cron', '0 3 * * *', '--do', 'certs-report', '--cluster', 'x'], /no cluster "x"/],
])('%s is refused in a sentence', async (_, flags, sentence) => {
  const answer = await bed.cli('first', ['schedules', 'add', 'x', ...flags]);
  expect([answer.code, answer.stdout]).toEqual([64, '']);
  expect(answer.stderr).toMatch(sentence);
});

test('a rotation of certificates that live no longer than what counts as expiring is warned of', async () => {
  const redis = bed.redis('first');
  const live = async (name: string, days: number): Promise<void> => {
    const record = { cluster: 'us', node: name, purpose: 'http', validityMs: days * 86_400_000 };
    await redis.hset(keys.certificates, `us/${name}/http`, JSON.stringify(record));
  };
  const warnings = async (...flags: readonly string[]): Promise<string[]> => {
    const added = await ok<ScheduleAdded>([...nightly, '0 3 * * *', ...flags]);
    return added.warnings;
  };
  await live('us-1', 90);
  await live('us-2', 365);
  expect(await warnings('--expiring', '89d')).toEqual([]);
  expect(await warnings('--expiring', '90d')).toEqual([
    'Each run would replace certificates that live no longer than --expiring 90d (us/us-1 http): give a shorter --expiring or a longer --validity.',
  ]);
  expect(await warnings('--expiring', '365d')).toEqual([expect.stringContaining('(us/us-1 http and 1 more)')]);
  expect(await warnings('--expiring', '90d', '--validity', '91d')).toEqual([]);
  const shown = await bed.cli('first', [...nightly, '0 3 * * *', '--expiring', '90d']);
  expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining('Warning: Each run would replace')]);
  await redis.del(keys.certificates);
  await ok(['schedules', 'remove', 'nightly']);
});

test('a report is on record and comes to the webhook, and a back-up has both, paused', async () => {
  const refused = await bed.cli(
    'first',
    ['notify', 'set', '--url', 'http://example.com/', '--secret-file', '-'],
    SECRET,
  );
  expect([refused.code, refused.stderr]).toEqual([64, expect.stringMatching(/messages go over https only/)]);
  const url = `${receiver.url}?token=${TOKEN}`;
  const set = await bed.cli('first', ['notify', 'set', '--url', url, '--secret-file', '-'], SECRET);
  expect([set.code, set.stdout]).toEqual([0, expect.not.stringContaining(SECRET)]);
  receiver.status = 500;
  const lost = await bed.cli('first', ['notify', 'test']);
  expect(lost.stdout).toContain(`${receiver.url}?token=… did not take it`);
  receiver.status = 204;
  expect(await ok(['notify', 'test'])).toMatchObject({ delivered: true });
  expect(receiver.targets).toEqual([`/remora?token=${TOKEN}`, `/remora?token=${TOKEN}`]);
  expect(await ok(['notify', 'show'])).toMatchObject({ url: `${receiver.url}?token=…` });
  const [filed] = (await ok<AuditEntry[]>(['audit', 'list'])).filter(({ action }) => action === 'notify.set');
  expect(JSON.stringify(filed)).toContain(`${receiver.url}?token=…`);
  expect(await ok<DoctorLine[]>(['doctor'])).toContainEqual(
    expect.objectContaining({ check: 'notifications', ok: true, detail: `${receiver.url}?token=…` }),
  );
  await ok(['schedules', 'add', 'report', '--do', 'certs-report', '--cron', '*/2 * * * * *']);
  const report = await until(() => receiver.received.find(({ body }) => body.type === 'schedule.report'));
  expect(report).toMatchObject({
    genuine: true,
    body: { data: { schedule: 'report', outcome: 'succeeded', message: '0 of 0 certificates need a look.' } },
  });
  const held = await bed.cli('first', ['secrets', 'remove', 'notify/webhook', '--yes']);
  expect([held.code, held.stderr]).toEqual([64, expect.stringMatching(/still used by the webhook/)]);

  const file = join(bed.directory, 'backup');
  const sealed = ['--passphrase-file', '-'];
  const place = (name: string) => ['--data-dir', bed.dataDir(name)];
  const backUp = await bed.cli('first', ['backup', ...place('first'), '--out', file, ...sealed], 'a passphrase');
  expect(backUp.code, backUp.stderr).toBe(0);
  const restored = await bed.cli('second', ['restore', file, ...place('second'), ...sealed], 'a passphrase');
  expect(restored.code, restored.stderr).toBe(0);
  // On the same address: the first one has to go.
  await ok(['schedules', 'pause', 'report']);
  await first.stop();
  expect(await first.log).not.toContain(TOKEN);
  await bed.start('second');
  const asSecond = async <T>(args: readonly string[]): Promise<T> =>
    JSON.parse((await bed.cli('second', [...args, '--json'])).stdout) as T;
  expect(await asSecond<ScheduleView[]>(['schedules', 'list'])).toMatchObject([
    {
      name: 'report',
      paused: true,
      pausedBecause: expect.stringMatching(/was restored: `remora schedules resume report`/),
    },
  ]);
  expect(await asSecond<DoctorLine[]>(['doctor'])).toContainEqual(
    expect.objectContaining({ check: 'schedule report', ok: false }),
  );
  expect(await asSecond(['schedules', 'resume', 'report'])).toMatchObject({ paused: false, pausedBecause: null });
  const before = receiver.received.length;
  await until(() => receiver.received.length > before);
});
