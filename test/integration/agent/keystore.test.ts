import { execFileSync, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { OperationCall } from '@remora/shared/operations.ts';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { distribution } from '../../elasticsearch/distribution.ts';
import { newestVersionHere } from '../../elasticsearch/versions.ts';
import {
  type AgentProcess,
  createBed,
  entry,
  inspection,
  type NodeBed,
  op,
  restart,
  setting,
} from '../../support/agent-harness.ts';

const NAME = 'cluster.remote.us.credentials';
const CANARY = 'canary-3f9a1c77';
let bed: NodeBed;
let agent: AgentProcess;

const prepare = async (esHome?: string): Promise<void> => {
  bed = await createBed([], esHome);
  await bed.startNode();
  await bed.join();
  agent = await bed.startAgent();
};

/** The real tool, as somebody else on the node would use it. */
const tool = (args: readonly string[], input = ''): string =>
  execFileSync(join(bed.esHome, 'bin/elasticsearch-keystore'), args, {
    env: { ...process.env, ES_PATH_CONF: bed.configDir },
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });

const keystoreFacts = async (password?: string): Promise<NodeFacts['keystore']> => {
  const input = password === undefined ? {} : { keystorePassword: password };
  const result = await bed.gateway.deliver([inspection(input)], { fence: 0 });
  return (result.results[0] as NodeFacts).keystore;
};

const removal = (...remove: string[]): OperationCall => op('keystore', { set: [], remove });
const ownership = (path: string): number[] => {
  const { uid, gid, mode } = statSync(path);
  return [uid, gid, mode & 0o777];
};

afterEach(() => bed[Symbol.asyncDispose]());

describe('the keystore', () => {
  beforeEach(() => prepare());

  test('is made when missing, written where it differs, and knows whose the entries are', async () => {
    expect(await bed.gateway.deliver([entry(NAME, 'value')])).toMatchObject({
      outcome: 'done',
      results: [{ changed: [NAME] }],
    });
    expect(tool(['show', NAME]).trim()).toBe('value');
    expect(ownership(bed.keystore)).toEqual([0, 0, 0o660]);
    const { digest, entries } = await keystoreFacts();
    expect(entries).toContainEqual({ name: NAME, reference: `secret:${NAME}@1`, writtenAtMs: expect.any(Number) });

    expect(await bed.gateway.deliver([entry(NAME, 'value')])).toMatchObject({
      outcome: 'done',
      results: [{ changed: [], digest }],
    });
    const renamed = op('keystore', { set: [{ name: NAME, value: 'value', reference: 'secret:other@3' }], remove: [] });
    expect(await bed.gateway.deliver([renamed])).toMatchObject({ results: [{ changed: [], digest }] });
    expect((await keystoreFacts()).entries).toContainEqual(
      expect.objectContaining({ name: NAME, reference: 'secret:other@3' }),
    );
  });

  test('keeps what others write, and forgets an entry that they overwrote', async () => {
    await bed.gateway.deliver([entry(NAME, 'ours'), setting({ a: 1 })]);
    tool(['add', '-x', '-f', 'theirs.one'], 'x\n');
    const after = (await keystoreFacts()).entries ?? [];
    expect(after.find(({ name }) => name === NAME)?.reference).toBe(`secret:${NAME}@1`);
    expect(after.find(({ name }) => name === 'theirs.one')?.reference).toBeNull();

    tool(['add', '-x', '-f', NAME], 'overwritten\n');
    expect((await keystoreFacts()).entries).toContainEqual({ name: NAME, reference: null, writtenAtMs: null });
    expect(await bed.gateway.deliver([entry(NAME, 'ours')])).toMatchObject({ results: [{ changed: [NAME] }] });
    expect(tool(['show', NAME]).trim()).toBe('ours');
    expect(tool(['list'])).toContain('theirs.one');
  });

  test('loses only the entries that are removed', async () => {
    await bed.gateway.deliver([entry(NAME, 'a'), setting({ a: 1 })]);
    await bed.gateway.deliver([entry('other.entry', 'b')]);
    expect(await bed.gateway.deliver([removal(NAME, 'never.there')])).toMatchObject({
      outcome: 'done',
      results: [{ changed: [NAME] }],
    });
    expect(tool(['list'])).not.toContain(NAME);
    expect((await keystoreFacts()).entries?.map(({ name }) => name)).toContain('other.entry');
  });

  test('with a password needs the right one', async () => {
    tool(['create']);
    tool(['passwd'], 'phrase\nphrase\n');
    const before = await readFile(bed.keystore);
    expect(await bed.gateway.deliver([entry(NAME, 'v')])).toMatchObject({
      outcome: 'refused',
      error: { code: 'keystore-password' },
    });
    expect(await bed.gateway.deliver([entry(NAME, 'v', 'wrong')])).toMatchObject({
      outcome: 'refused',
      error: { code: 'keystore-password' },
    });
    expect(await readFile(bed.keystore)).toEqual(before);
    expect(await keystoreFacts()).toMatchObject({
      passwordProtected: true,
      entries: null,
      refusal: expect.stringContaining('password'),
    });
    expect(await bed.gateway.deliver([entry(NAME, 'v', 'phrase')])).toMatchObject({ outcome: 'done' });
    expect(tool(['show', NAME], 'phrase\n').trim()).toBe('v');
    expect((await keystoreFacts('phrase')).entries).toContainEqual(
      expect.objectContaining({ name: NAME, reference: `secret:${NAME}@1` }),
    );
  });

  test('goes back as a whole when the node does not start', async () => {
    await bed.gateway.deliver([entry(NAME, 'old')]);
    const before = await readFile(bed.keystore);
    const facts = await keystoreFacts();
    const result = await bed.gateway.deliver([entry(NAME, 'new'), setting({ 'cheap.broken': true }), restart()]);
    expect(result).toMatchObject({ outcome: 'undone' });
    expect(await readFile(bed.keystore)).toEqual(before);
    expect(await keystoreFacts()).toEqual(facts);
    expect(await bed.answers()).toBe(true);
  });

  test('is written although a dead writer left its temporary file, and a tool works on the keystore of another node', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'remora-elsewhere-'));
    // It waits for a value on its stdin for as long as it is open.
    const other = spawn(join(bed.esHome, 'bin/elasticsearch-keystore'), ['create', '-p'], {
      env: { ...process.env, ES_PATH_CONF: elsewhere },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    onTestFinished(async () => {
      other.kill('SIGKILL');
      await rm(elsewhere, { recursive: true });
    });
    await writeFile(join(bed.configDir, 'elasticsearch.keystore.tmp'), 'half');
    expect(await bed.gateway.deliver([entry(NAME, 'v')])).toMatchObject({ outcome: 'done' });
    expect(existsSync(join(bed.configDir, 'elasticsearch.keystore.tmp'))).toBe(false);
    expect([other.exitCode, other.signalCode]).toEqual([null, null]);
  });

  test('leaves no trace of a value in files, logs, arguments or environments', async () => {
    bed.gateway.send([entry(NAME, CANARY), setting({ a: 1 }), restart()], { id: 'r/s/1' });
    const seen: string[] = [];
    let isDone = false;
    const done = bed.gateway.result('r/s/1').finally(() => {
      isDone = true;
    });
    while (!isDone) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        for (const part of ['cmdline', 'environ']) {
          const text = await readFile(`/proc/${pid}/${part}`, 'utf8').catch(() => '');
          if (text.includes(CANARY)) seen.push(`${pid} ${part}`);
        }
      }
    }
    expect(await done).toMatchObject({ outcome: 'done' });
    expect(seen).toEqual([]);
    expect(agent.stderr()).not.toContain(CANARY);
    expect(JSON.stringify(bed.gateway.received)).not.toContain(CANARY);
    for (const found of await readdir(bed.dataDir, { recursive: true, withFileTypes: true })) {
      if (found.isFile())
        expect((await readFile(join(found.parentPath, found.name))).includes(CANARY), found.name).toBe(false);
    }
  });
});

describe('the wrapper', () => {
  /** An ES_HOME that every user can read, with a script of ours before the tool. */
  const homeWith = async (script: string): Promise<string> => {
    const home = await mkdtemp(join(tmpdir(), 'remora-home-'));
    execFileSync('cp', ['-al', `${await distribution(await newestVersionHere())}/.`, home]);
    const path = join(home, 'bin/elasticsearch-keystore');
    const original = await readFile(path, 'utf8');
    // Removed first: it is a hard link into the cache.
    await rm(path);
    await writeFile(path, original.replace('\n', `\n${script}\n`), { mode: 0o755 });
    await chmod(home, 0o755);
    return home;
  };

  test('runs as the owner of the keystore, whose owner and mode stay', async () => {
    const home = await homeWith('');
    await prepare(home);
    await chmod(bed.root, 0o755);
    tool(['create']);
    await chown(bed.configDir, 1234, 4321);
    await chown(bed.keystore, 1234, 4321);
    await chmod(bed.keystore, 0o640);
    expect(await bed.gateway.deliver([entry(NAME, 'v')])).toMatchObject({ outcome: 'done' });
    expect(ownership(bed.keystore)).toEqual([1234, 4321, 0o640]);
    await rm(home, { recursive: true });
  });

  test('that sources an environment file with another ES_PATH_CONF is refused', async () => {
    const other = await mkdtemp(join(tmpdir(), 'remora-other-'));
    await writeFile(join(other, 'default'), `ES_PATH_CONF=${other}\n`);
    const home = await homeWith(`source ${other}/default`);
    await prepare(home);
    const result = await bed.gateway.deliver([entry(NAME, 'v')]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'preflight-failed' } });
    expect(result.error?.message).toContain(join(other, 'default'));
    expect(existsSync(join(other, 'elasticsearch.keystore'))).toBe(false);
    for (const path of [home, other]) await rm(path, { recursive: true });
  });

  test('that works on another keystore in a way that cannot be foreseen is found out', async () => {
    const other = await mkdtemp(join(tmpdir(), 'remora-other-'));
    await mkdir(other, { recursive: true });
    const home = await homeWith(`ES_PATH_CONF=${other}`);
    await prepare(home);
    const result = await bed.gateway.deliver([entry(NAME, 'v')]);
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`${NAME} went to another keystore`);
    expect(result.error?.message).not.toContain('as before');
    expect(existsSync(bed.keystore)).toBe(false);
    expect(existsSync(join(other, 'elasticsearch.keystore'))).toBe(true);
    for (const path of [home, other]) await rm(path, { recursive: true });
  });
});
