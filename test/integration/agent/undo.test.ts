import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { OperationCall, OperationResult } from '@remora/shared/operations.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { crashWhile, isPlaced, manyFiles } from '../../support/agent-crashes.ts';
import {
  type AgentProcess,
  createBed,
  entry,
  file,
  inspection,
  type NodeBed,
  op,
  restart,
  setting,
} from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

const CANARY = 'canary-9d1e44b0';
let bed: NodeBed;
let agent: AgentProcess;

beforeEach(async () => {
  bed = await createBed();
  await bed.startNode();
  await bed.join();
  agent = await bed.startAgent();
});
afterEach(() => bed[Symbol.asyncDispose]());

/** The real tool, as somebody else on the node would use it. */
const tool = (args: readonly string[], input = ''): string =>
  execFileSync(join(bed.esHome, 'bin/elasticsearch-keystore'), args, {
    env: { ...process.env, ES_PATH_CONF: bed.configDir },
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });

const files = (contents: Readonly<Record<string, string>>): OperationCall => {
  const write = Object.entries(contents).map(([path, text]) => ({
    ...{ path, content: Buffer.from(text).toString('base64'), source: `source:${path}`, mode: 0o640 },
  }));
  return op('files', { write, remove: [] });
};
const undo = (...deliveries: string[]): OperationCall => op('undo', { deliveries });
const backups = async (...deliveries: string[]): Promise<OperationResult<'backups'>> =>
  (await bed.gateway.deliver([op('backups', { deliveries })], { fence: 0 })).results[0] as OperationResult<'backups'>;
const standing = async (...deliveries: string[]): Promise<Record<string, string>> =>
  Object.fromEntries((await backups(...deliveries)).changes.map(({ name, state }) => [name, state]));
const references = async (): Promise<Record<string, string | null>> => {
  const facts = (await bed.gateway.deliver([inspection()], { fence: 0 })).results[0] as NodeFacts;
  return Object.fromEntries((facts.keystore.entries ?? []).map(({ name, reference }) => [name, reference]));
};

test('takes two deliveries back as one: files, settings, entries, each as before; twice is once', async () => {
  tool(['add', '-x', '-f', 'their.old'], CANARY);
  await writeFile(join(bed.configDir, 'a.crt'), 'theirs');
  await chmod(join(bed.configDir, 'a.crt'), 0o604);
  const yml = await bed.yml();
  const names = tool(['list']);
  const first = [file('a.crt', 'one'), setting({ a: 1, 'cheap.x': true }), entry('their.old', 'ours'), restart()];
  await bed.gateway.deliver(first, { id: 'run/a/1' });
  const second = [files({ 'a.crt': 'two', 'b.crt': 'new' }), setting({ a: 2 }), entry('our.new', 'v')];
  await bed.gateway.deliver(second, { id: 'run/b/1' });
  // What others do since is theirs.
  await appendFile(bed.settingsFile, 'their.setting: 1\n');
  tool(['add', '-x', '-f', 'their.new'], 'n');
  expect(await backups('run/b/1', 'run/a/1', 'run/never/1')).toEqual({
    changes: [
      { kind: 'file', name: 'a.crt', state: 'ours', existed: true },
      { kind: 'file', name: 'b.crt', state: 'ours', existed: false },
      { kind: 'setting', name: 'a', state: 'ours', existed: false, now: 2 },
      { kind: 'setting', name: 'cheap.x', state: 'ours', existed: false, now: true },
      { kind: 'entry', name: 'our.new', state: 'ours', existed: false },
      { kind: 'entry', name: 'their.old', state: 'ours', existed: true },
    ],
    unknown: ['run/never/1'],
  });

  const before = bed.nodePid();
  const taking = [undo('run/b/1', 'run/a/1'), restart()];
  const result = await bed.gateway.deliver(taking, { id: 'back/a/1' });
  expect(result).toMatchObject({
    outcome: 'done',
    results: [{ changed: ['a.crt', 'b.crt', 'a', 'cheap.x', 'our.new', 'their.old'], left: [] }, {}],
  });
  expect(bed.nodePid()).not.toBe(before);
  expect(await readFile(join(bed.configDir, 'a.crt'), 'utf8')).toBe('theirs');
  expect(existsSync(join(bed.configDir, 'b.crt'))).toBe(false);
  expect(await bed.yml()).toBe(`${yml}their.setting: 1\n`);
  expect(tool(['list']).split('\n').sort()).toEqual([...names.split('\n'), 'their.new'].sort());
  expect(tool(['show', 'their.old']).trim()).toBe(CANARY);
  // The value that came back is theirs: it has no reference.
  expect((await references())['their.old']).toBeNull();
  expect(new Set(Object.values(await standing('run/b/1', 'run/a/1')))).toEqual(new Set(['back']));
  expect((await bed.gateway.deliver([undo('run/b/1', 'run/a/1')], { id: 'back/a/2' })).results).toEqual([
    { changed: [], left: [] },
  ]);
  // Nowhere in the agent's directory or in what it said is a value.
  const journal = await readdir(join(bed.dataDir, 'journal'));
  for (const folder of journal)
    expect(await readFile(join(bed.dataDir, 'journal', folder, 'record.json'), 'utf8')).not.toContain(CANARY);
  expect(agent.stderr()).not.toContain(CANARY);
  expect(JSON.stringify(bed.gateway.received)).not.toContain(CANARY);
});

test('leaves what somebody changed since, by name, and takes the rest back', async () => {
  const yml = await bed.yml();
  const operations = [files({ 'a.crt': 'a', 'b.crt': 'b' }), setting({ a: 1, b: 1 }), entry('x.y', 'v')];
  await bed.gateway.deliver(operations, { id: 'run/a/1' });
  await bed.gateway.deliver([entry('x.z', 'w')], { id: 'run/b/1' });
  await writeFile(join(bed.configDir, 'a.crt'), 'edited');
  await writeFile(bed.settingsFile, (await bed.yml()).replace('a: 1', 'a: 7'));
  tool(['add', '-x', '-f', 'x.y'], 'another');
  expect(await standing('run/b/1', 'run/a/1')).toEqual({
    ...{ 'a.crt': 'foreign', 'b.crt': 'ours', a: 'foreign', b: 'ours', 'x.y': 'foreign', 'x.z': 'ours' },
  });
  expect(await bed.gateway.deliver([undo('run/b/1', 'run/a/1')], { id: 'back/a/1' })).toMatchObject({
    outcome: 'done',
    results: [{ changed: ['b.crt', 'b', 'x.z'], left: ['a.crt', 'a', 'x.y'] }],
  });
  expect(await bed.yml()).toBe(`${yml}a: 7\n`);
  expect(await readFile(join(bed.configDir, 'a.crt'), 'utf8')).toBe('edited');
  expect(tool(['show', 'x.y']).trim()).toBe('another');
});

test('a key and its certificate go back together, or stay together where somebody changed one of them', async () => {
  const at = (name: string): string => join(bed.configDir, name);
  const read = () => Promise.all(['a.key', 'a.crt'].map((name) => readFile(at(name), 'utf8')));
  const pair = (text: string, version: number): OperationCall => {
    const write = [
      ['a.key', 'key'],
      ['a.crt', 'certificate'],
    ].map(([path = '', part = '']) => ({
      ...{ path, content: Buffer.from(text).toString('base64'), mode: 0o640 },
      source: `secret:node/us/us-1/http/${part}@${version}`,
    }));
    return op('files', { write, remove: [] });
  };
  await Promise.all(['a.key', 'a.crt'].map((name) => writeFile(at(name), 'theirs')));
  await bed.gateway.deliver([pair('one', 1)], { id: 'run/a/1' });
  await writeFile(at('a.crt'), 'edited');
  expect(await standing('run/a/1')).toEqual({ 'a.key': 'foreign', 'a.crt': 'foreign' });
  expect((await bed.gateway.deliver([undo('run/a/1')], { id: 'back/a/1' })).results).toEqual([
    { changed: [], left: ['a.key', 'a.crt'] },
  ]);
  expect(await read()).toEqual(['one', 'edited']);
  await writeFile(at('a.crt'), 'one');
  expect((await bed.gateway.deliver([undo('run/a/1')], { id: 'back/a/2' })).results).toEqual([
    { changed: ['a.key', 'a.crt'], left: [] },
  ]);
  expect(await read()).toEqual(['theirs', 'theirs']);
});

test('refuses, with nothing changed, once the backup is gone', async () => {
  await writeFile(join(bed.configDir, 'a.crt'), 'theirs');
  await bed.gateway.deliver([file('a.crt', 'ours'), setting({ a: 1 })], { id: 'run/a/1' });
  for (const folder of await readdir(join(bed.dataDir, 'journal')))
    await rm(join(bed.dataDir, 'journal', folder, 'before'), { recursive: true });
  expect(await standing('run/a/1')).toEqual({ 'a.crt': 'lost', a: 'ours' });
  const result = await bed.gateway.deliver([undo('run/a/1')], { id: 'back/a/1' });
  expect(result).toMatchObject({ outcome: 'refused', error: { code: 'preflight-failed' } });
  expect(result.error?.message).toContain('a.crt');
  expect(await bed.yml()).toContain('a: 1');
});

test('a node that does not come up without the change keeps it', async () => {
  await writeFile(bed.settingsFile, `${await bed.yml()}cheap.broken: true\n`);
  await bed.gateway.deliver([setting({}, ['cheap.broken']), restart()], { id: 'run/a/1' });
  const yml = await bed.yml();
  expect(await bed.gateway.deliver([undo('run/a/1'), restart()], { id: 'back/a/1' })).toMatchObject({
    outcome: 'undone',
    error: { code: 'step-undone' },
  });
  expect(await bed.yml()).toBe(yml);
  expect(await bed.answers()).toBe(true);
});

test('puts removed files back, and is refused while what it takes back still goes on', async () => {
  await mkdir(join(bed.configDir, 'theirs'));
  await writeFile(join(bed.configDir, 'theirs/b.crt'), 'theirs');
  await bed.gateway.deliver([op('files', { write: [], remove: ['theirs/b.crt'] })], { id: 'run/a/1' });
  expect(await standing('run/a/1')).toEqual({ 'theirs/b.crt': 'ours' });
  await rm(join(bed.configDir, 'theirs'), { recursive: true });
  // There is no folder that it could go back to: refused, and nothing half done.
  const refused = await bed.gateway.deliver([undo('run/a/1')], { id: 'back/a/1' });
  expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'node-read-only' } });
  await mkdir(join(bed.configDir, 'theirs'));
  expect(await bed.gateway.deliver([undo('run/a/1')], { id: 'back/a/2' })).toMatchObject({ outcome: 'done' });
  expect(await readFile(join(bed.configDir, 'theirs/b.crt'), 'utf8')).toBe('theirs');

  bed.gateway.send([setting({ a: 1, 'cheap.start.ms': 3000 }), restart()], { id: 'run/b/1' });
  await until('the node restarts', () => bed.record()?.id === 'run/b/1' && bed.record()?.phase === 'restarting');
  const looked = await bed.gateway.deliver([op('backups', { deliveries: ['run/b/1'] })], { id: 'look/b/1', fence: 0 });
  expect(looked).toMatchObject({ outcome: 'refused', error: { code: 'preflight-failed' } });
  expect(looked.error?.message).toContain('run/b/1 is still being carried out on eu-1 (restarting)');
  expect(await bed.gateway.result('run/b/1')).toMatchObject({ outcome: 'done' });
  expect(await standing('run/b/1')).toMatchObject({ a: 'ours' });
});

test('is finished after a crash in the middle of it', async () => {
  const yml = await bed.yml();
  const { id } = await crashWhile(
    bed,
    agent,
    'committed',
    (attempt) => [undo(`run/a/${attempt}`)],
    (attempt) => !isPlaced(bed, attempt, 0) && isPlaced(bed, attempt, 49),
    async (attempt) => {
      await bed.gateway.deliver([manyFiles(attempt), setting({ a: attempt })], { id: `run/a/${attempt}` });
    },
  );
  await bed.startAgent();
  expect(await bed.gateway.result(id)).toMatchObject({ outcome: 'done' });
  const attempt = Number(id.split('/').at(-1));
  expect(Array.from({ length: 50 }, (_, index) => index).filter((index) => isPlaced(bed, attempt, index))).toEqual([]);
  expect(await bed.yml()).toBe(yml);
  expect((await readdir(bed.configDir)).filter((name) => name.includes('remora'))).toEqual([]);
});
