import { describe, expect, test } from 'vitest';
import { KEPT_ENTRIES } from '../../../coordinator/src/audit/audit-lua.ts';
import { AuditRecorder } from '../../../coordinator/src/audit/recorder.ts';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { clock, expectToHold, logOf, noteAll } from './audit-bench.ts';
import { type Bench, makeBench } from './bench.ts';
import { serialPlan } from './effects.ts';

describe('verification', () => {
  const ten = async (): Promise<Bench> => {
    const bench = await makeBench();
    await noteAll(
      bench.redis.redis,
      new AuditRecorder(clock),
      Array.from({ length: 10 }, (_, i) => `n${i + 1}`),
    );
    await expectToHold(bench, 10);
    return bench;
  };
  const kept = async ({ redis }: Bench): Promise<(readonly [string, string])[]> =>
    (await redis.redis.xrange(keys.audit, '-', '+')).map(([id, fields]) => [id, String(fields[1])]);
  /** Writes the whole log anew, as somebody with a connection to Redis may. */
  const rewrite = async (
    bench: Bench,
    change: (entries: (readonly [string, string])[]) => (readonly [string, string])[],
  ) => {
    const entries = change(await kept(bench));
    await bench.redis.redis.del(keys.audit);
    for (const [id, text] of entries) await bench.redis.redis.xadd(keys.audit, id, 'entry', text);
  };
  const problem = async (bench: Bench) => {
    const { ok, problem } = await logOf(bench).verify();
    expect(ok).toBe(false);
    return problem;
  };

  test('finds an entry that was changed', async () => {
    const bench = await ten();
    await rewrite(bench, (all) => all.map(([id, text]) => [id, text.replace('"target":"n5"', '"target":"x"')]));
    expect(await problem(bench)).toMatchObject({ seq: 5, message: expect.stringContaining('not as it was written') });
  });

  test.each([
    ['the oldest', 1, 2],
    ['one in between', 5, 6],
    ['the newest', 10, 10],
  ])('finds that %s was removed', async (_, removed, seq) => {
    const bench = await ten();
    await bench.redis.redis.xdel(keys.audit, `${removed}-0`);
    expect(await problem(bench)).toMatchObject({ seq });
  });

  test('finds that all were removed', async () => {
    const bench = await ten();
    await bench.redis.redis.del(keys.audit);
    expect(await problem(bench)).toEqual({ seq: 1, message: 'the log ends with entry 0, and 10 was written last' });
  });

  test('finds an entry that was put in between, at the end, or written anew with what follows', async () => {
    const bench = await ten();
    const entries = await kept(bench);
    const [, fourth] = entries[3] ?? ['', ''];
    await rewrite(bench, (all) => all.flatMap((one) => (one[0] === '4-0' ? [one, ['4-1', fourth]] : [one])));
    expect(await problem(bench)).toMatchObject({ seq: 4, message: 'entry 4 comes after 4' });
    await rewrite(bench, () => [...entries, ['11-0', '{"seq":11}']]);
    expect(await problem(bench)).toMatchObject({ seq: 11 });
    const other = await ten();
    const forged = await kept(other);
    await rewrite(bench, () => [...entries.slice(0, 6), ...forged.slice(6)]);
    expect(await problem(bench)).toMatchObject({
      seq: 7,
      message: expect.stringContaining('another one than entry 6'),
    });
    await rewrite(bench, () => forged);
    expect(await problem(bench)).toMatchObject({ seq: 10, message: 'entry 10 is not the one that was written last' });
  });

  test('finds what somebody wrote into it, and runs go on all the same', async () => {
    const bench = await ten();
    await bench.redis.redis.xadd(keys.audit, '*', 'entry', 'mine');
    const engine = await bench.engine();
    const { runId } = await engine.start(serialPlan(['us'], 1), { actor: 'anna' });
    expect((await bench.ended(runId)).status).toBe('succeeded');
    expect(await problem(bench)).toMatchObject({ seq: 11, message: expect.stringContaining('entry 11 is not') });
    expect((await logOf(bench).list({ limit: 4 })).map(({ seq }) => seq)).toEqual([13, 12, 11]);
  });
});

test('pages are newest first and leave none out; an export is oldest first', async () => {
  const bench = await makeBench();
  const names = Array.from({ length: 25 }, (_, i) => `n${i + 1}`);
  await noteAll(bench.redis.redis, new AuditRecorder(clock), names);
  const log = logOf(bench);
  const seen: number[] = [];
  for (let page = await log.list({ limit: 10 }); page.length > 0; ) {
    seen.push(...page.map(({ seq }) => seq));
    page = await log.list({ limit: 10, before: seen.at(-1) ?? 0 });
  }
  expect(seen).toEqual(names.map((_, i) => 25 - i));
  const exported: unknown[] = [];
  for await (const line of log.export()) exported.push(JSON.parse(line).target);
  expect(exported).toEqual(names);
});

test('the newest 100,000 are kept, and the log holds from the oldest of them on', async () => {
  const bench = await makeBench();
  const recorder = new AuditRecorder(clock);
  const thousand = Array.from({ length: 1000 }, () => 'a target of the usual length');
  for (let i = 0; i < KEPT_ENTRIES / 1000 + 2; i += 1) await noteAll(bench.redis.redis, recorder, thousand);
  const length = await bench.redis.redis.xlen(keys.audit);
  expect(length).toBeGreaterThanOrEqual(KEPT_ENTRIES);
  expect(length).toBeLessThan(KEPT_ENTRIES + 1000);
  console.info(
    `${length} entries take ${Math.round(Number(await bench.redis.redis.call('MEMORY', 'USAGE', keys.audit)) / 2 ** 20)} MB`,
  );
  await expectToHold(bench, length);
  await bench.redis.redis.xtrim(keys.audit, 'MAXLEN', KEPT_ENTRIES - 1);
  expect(await logOf(bench).verify()).toMatchObject({ ok: false, problem: { seq: 2002 } });
});
