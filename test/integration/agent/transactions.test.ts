import { existsSync, statSync } from 'node:fs';
import { appendFile, chmod, chown, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBed, entry, file, inspection, type NodeBed, op, restart, setting } from '../../support/agent-harness.ts';

let bed: NodeBed;

const prepare = async (): Promise<void> => {
  bed = await createBed();
  await bed.startNode();
  await bed.join();
  await bed.startAgent();
};

const facts = async (): Promise<NodeFacts> =>
  (await bed.gateway.deliver([inspection()], { fence: 0 })).results[0] as NodeFacts;

describe('a transaction', () => {
  beforeEach(prepare);
  afterEach(() => bed[Symbol.asyncDispose]());

  test('places files, edits settings and restarts the node, once', async () => {
    const before = bed.nodePid();
    const operations = [file('certs/remote.crt', 'a certificate'), setting({ 'remote_cluster.port': 9443 }), restart()];
    const result = await bed.gateway.deliver(operations, { id: 'r/s/1' });
    expect(result).toMatchObject({
      outcome: 'done',
      results: [
        { changed: ['certs/remote.crt'] },
        { changed: ['remote_cluster.port'], digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
        { identity: expect.stringMatching(/^\d+:\d+$/), stopMs: expect.any(Number), startMs: expect.any(Number) },
      ],
      error: null,
    });
    expect(await bed.yml()).toContain('remote_cluster.port: 9443');
    expect(await readFile(join(bed.configDir, 'certs/remote.crt'), 'utf8')).toBe('a certificate');
    expect(statSync(join(bed.configDir, 'certs/remote.crt')).mode & 0o777).toBe(0o640);
    const restarted = bed.nodePid();
    expect(restarted).not.toBe(before);

    expect(await bed.gateway.deliver(operations, { id: 'r/s/1' })).toEqual(result);
    expect(bed.nodePid()).toBe(restarted);
  });

  test('refuses a stale fence and goes on with a newer one', async () => {
    expect(await bed.gateway.deliver([setting({ a: 1 })], { fence: 7 })).toMatchObject({ outcome: 'done' });
    expect(await bed.gateway.deliver([setting({ a: 2 })], { fence: 6 })).toMatchObject({
      outcome: 'refused',
      error: { code: 'fence-stale' },
    });
    expect(await bed.yml()).toContain('a: 1');
    expect(await bed.gateway.deliver([setting({ a: 2 })], { fence: 8 })).toMatchObject({ outcome: 'done' });
    expect((await facts()).agent.fence).toBe(8);
  });

  test('puts everything back when the node does not start, and quotes the node', async () => {
    await writeFile(join(bed.configDir, 'old.crt'), 'old');
    await chmod(join(bed.configDir, 'old.crt'), 0o604);
    await chown(join(bed.configDir, 'old.crt'), 12, 34);
    const yml = await bed.yml();
    const result = await bed.gateway.deliver([
      file('new/new.crt', 'new'),
      setting({ 'cheap.broken': true }),
      restart(),
    ]);
    expect(result).toMatchObject({ outcome: 'undone', results: [], error: { code: 'step-undone' } });
    expect(result.error?.message).toContain('unknown setting [cheap.broken]');
    expect(await bed.yml()).toBe(yml);
    expect(existsSync(join(bed.configDir, 'new'))).toBe(false);
    expect(await bed.answers()).toBe(true);
    expect((await facts()).process.running).toBe(true);
  });

  test('undoes a node that lives but never answers, after its limit', async () => {
    const result = await bed.gateway.deliver([setting({ 'cheap.hang': true }), restart(1500)]);
    expect(result).toMatchObject({ outcome: 'undone' });
    expect(result.error?.message).toContain('does not answer');
    expect(await bed.answers()).toBe(true);
  });

  test('keeps owner and mode of what it replaces', async () => {
    const path = join(bed.configDir, 'old.crt');
    await writeFile(path, 'old');
    await chown(path, 12, 34);
    await chmod(path, 0o604);
    await chown(bed.settingsFile, 12, 34);
    await chmod(bed.settingsFile, 0o660);
    expect(await bed.gateway.deliver([file('old.crt', 'new')])).toMatchObject({ outcome: 'done' });
    expect(await bed.gateway.deliver([file('fresh.crt', 'x', 0o600), setting({ a: 1 })])).toMatchObject({
      outcome: 'done',
    });
    expect(ownership(path)).toEqual([12, 34, 0o604]);
    expect(ownership(bed.settingsFile)).toEqual([12, 34, 0o660]);
    expect(ownership(join(bed.configDir, 'fresh.crt'))).toEqual([12, 34, 0o600]);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await readdir(bed.configDir)).filter((name) => name.includes('remora'))).toEqual([]);
  });

  test('says where content came from while its bytes are unchanged', async () => {
    await bed.gateway.deliver([file('a.crt', 'bytes')]);
    const inspectFile = async () =>
      ((await bed.gateway.deliver([inspection({ files: ['a.crt'] })], { fence: 0 })).results[0] as NodeFacts).files[0]
        ?.source;
    expect(await inspectFile()).toBe('source:a.crt');
    await appendFile(join(bed.configDir, 'a.crt'), 'x');
    expect(await inspectFile()).toBeNull();
  });
});

const ownership = (path: string): number[] => {
  const { uid, gid, mode } = statSync(path);
  return [uid, gid, mode & 0o777];
};

describe('refused with nothing changed', () => {
  beforeAll(prepare);
  afterAll(() => bed[Symbol.asyncDispose]());

  const cases: readonly [string, () => Parameters<NodeBed['gateway']['deliver']>[0], string][] = [
    ['a path with ..', () => [file('../x', 'x')], 'bad-input'],
    ['an absolute path', () => [file('/etc/x', 'x')], 'bad-input'],
    ['elasticsearch.yml as a file', () => [file('elasticsearch.yml', 'x')], 'bad-input'],
    ['a restart that is not last', () => [restart(), setting({ a: 1 })], 'bad-input'],
    ['reads and changes together', () => [inspection(), setting({ a: 1 })], 'bad-input'],
    [
      'an unresolved reference',
      () => [
        op('keystore', {
          set: [{ name: 'a.b', value: { $secret: 'secret:x@1' }, reference: 'secret:x@1' }],
          remove: [],
        }),
      ],
      'bad-input',
    ],
    ['a value with a line break', () => [entry('a.b', 'one\ntwo')], 'bad-input'],
    [
      'an edit of another file than planned',
      () => [op('settings', { set: { a: 1 }, remove: [], expectDigest: '0'.repeat(64) })],
      'preflight-failed',
    ],
  ];
  test.each(cases)('%s', async (_, operations, code) => {
    const yml = await bed.yml();
    const result = await bed.gateway.deliver([...operations()]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code } });
    expect(result.error?.message).toContain('eu-1');
    expect(await bed.yml()).toBe(yml);
  });

  test('while the file hold stands', async () => {
    await writeFile(join(bed.dataDir, 'hold'), '');
    const result = await bed.gateway.deliver([setting({ a: 1 })]);
    expect(result).toMatchObject({ outcome: 'refused' });
    expect(result.error?.message).toContain(join(bed.dataDir, 'hold'));
    await rm(join(bed.dataDir, 'hold'));
  });

  test('a file that cannot be edited safely', async () => {
    await appendFile(bed.settingsFile, 'a: 1\na: 2\n');
    const result = await bed.gateway.deliver([setting({ b: 1 })]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'settings-file' } });
    expect(result.error?.message).toMatch(/line \d+, column \d+/);
    expect((await facts()).settingsFile.refusal).toMatch(/line \d+/);
  });
});
