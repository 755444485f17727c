import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { keystoreEntries } from '../../../agent/src/keystore/entries.ts';
import { allPids, argumentsOf, identityOf } from '../../../agent/src/system/process-table.ts';
import { crashWhilePlacing, freezeIn } from '../../support/agent-crashes.ts';
import {
  type AgentProcess,
  createBed,
  entry,
  file,
  type NodeBed,
  op,
  restart,
  setting,
} from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

/** What `kill -9` does to an agent in each phase of its journal. */
let bed: NodeBed;
let agent: AgentProcess;
let frozenTool = 0;

const prepare = async (settings: readonly string[] = []): Promise<void> => {
  bed = await createBed(settings);
  await bed.startNode();
  await bed.join();
  agent = await bed.startAgent();
};
afterEach(() => bed[Symbol.asyncDispose]());

const crashIn = async (id: string, phase: string, isSo: () => boolean = () => true): Promise<void> => {
  expect(await freezeIn(bed, agent, { id, phase, isSo })).toBe(true);
  await agent.crash();
};

/** Freezes the keystore tool of this bed once it is a JVM, no longer the shell that starts it: it has not written by then, and does not before it is ended. */
const toolIsFrozen = (): boolean => {
  const pid = allPids().find((one) => argumentsOf(one).join('\0').includes(`KeystoreCli\0${bed.configDir}`));
  if (pid === undefined) return false;
  process.kill(pid, 'SIGSTOP');
  frozenTool = pid;
  return true;
};

describe('a crash', () => {
  test.each([0, 15, 30])('while files are placed, number %i by then, is rolled forward', async (placed) => {
    await prepare();
    const { id, path, content, set } = await crashWhilePlacing(bed, agent, placed, restart());
    const before = bed.nodePid();
    agent = await bed.startAgent();
    expect(await bed.gateway.result(id)).toMatchObject({ outcome: 'done' });
    for (const index of [0, 25, 49])
      expect(await readFile(join(bed.configDir, path(index)), 'utf8')).toBe(content(index));
    expect(await bed.yml()).toContain(set);
    expect(bed.nodePid()).not.toBe(before);
    expect(bed.nodeCount()).toBe(1);
  });

  test('while files are placed, and a file that somebody else changed then, is contested and put back but for that file', async () => {
    await prepare();
    const { id, path, yml } = await crashWhilePlacing(bed, agent, 0);
    const theirs = path(7);
    await writeFile(join(bed.configDir, theirs), 'from somebody else');
    await bed.startAgent();
    const result = await bed.gateway.result(id);
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(theirs);
    expect(await readFile(join(bed.configDir, theirs), 'utf8')).toBe('from somebody else');
    expect(existsSync(join(bed.configDir, path(0)))).toBe(false);
    expect(await bed.yml()).toBe(yml);
  });

  const moments: readonly [string, (before: number | null) => boolean][] = [
    ['stops', (before) => bed.stoppingPid() === before],
    ['is gone', () => bed.nodeCount() === 0],
    ['has been started', (before) => ![null, before].includes(bed.nodePid())],
  ];
  test.each(moments)('while the node %s is finished, with one node', async (_, isSo) => {
    await prepare(['cheap.stop.ms: 600', 'cheap.start.ms: 2000']);
    const before = bed.nodePid();
    bed.gateway.send([setting({ a: 1 }), restart()], { id: 'r/s/1' });
    await crashIn('r/s/1', 'restarting', () => isSo(before));
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({
      outcome: 'done',
      results: [{}, { stopMs: expect.any(Number) }],
    });
    expect(bed.nodePid()).not.toBe(before);
    expect(bed.nodeCount()).toBe(1);
    expect(await bed.yml()).toContain('a: 1');
  });

  test('while a node that hangs is being undone is undone', async () => {
    await prepare(['cheap.stop.ms: 500']);
    const yml = await bed.yml();
    bed.gateway.send([setting({ 'cheap.hang': true }), restart(1000)], { id: 'r/s/1' });
    await crashIn('r/s/1', 'undoing', () => bed.stoppingPid() === bed.nodePid());
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    expect(await bed.yml()).toBe(yml);
    expect(await bed.answers()).toBe(true);
    expect(bed.nodeCount()).toBe(1);
  });

  test('while the keystore tool runs ends it and puts the keystore back', async () => {
    await prepare();
    expect(await bed.gateway.deliver([entry('cluster.remote.us.credentials', 'first')])).toMatchObject({
      outcome: 'done',
    });
    const before = await readFile(bed.keystore);
    bed.gateway.send([entry('cluster.remote.us.credentials', 'second'), file('a.crt', 'x')], { id: 'r/s/2' });
    await crashIn('r/s/2', 'keystore', toolIsFrozen);
    agent = await bed.startAgent();
    expect(await bed.gateway.result('r/s/2')).toMatchObject({ outcome: 'undone' });
    expect(await readFile(bed.keystore)).toEqual(before);
    // The same again as a new attempt succeeds, so nothing was left in the way.
    expect(await bed.gateway.deliver([entry('cluster.remote.us.credentials', 'second')])).toMatchObject({
      outcome: 'done',
      results: [{ changed: ['cluster.remote.us.credentials'] }],
    });
  });

  test('after the keystore tool wrote, and before that was noted, puts back the entries of the step and no other', async () => {
    await prepare();
    const ours = (value: string, reference: string) => ({ name: 'cluster.remote.us.credentials', value, reference });
    const first = op('keystore', { set: [ours('first', 'secret:a@1')], remove: [] });
    expect(await bed.gateway.deliver([first])).toMatchObject({ outcome: 'done' });
    const added = { name: 'cluster.remote.de.credentials', value: 'x', reference: 'secret:b@1' };
    const second = op('keystore', { set: [ours('second', 'secret:a@2'), added], remove: [] });
    bed.gateway.send([second, file('a.crt', 'x')], { id: 'r/s/2' });
    await crashIn('r/s/2', 'keystore', toolIsFrozen);
    const before = await readFile(bed.keystore);
    process.kill(frozenTool, 'SIGCONT');
    await until('the tool has come to its end', () => identityOf(frozenTool) === null);
    expect(await readFile(bed.keystore)).not.toEqual(before);
    const env = { ...process.env, ES_PATH_CONF: bed.configDir };
    const tool = join(bed.esHome, 'bin/elasticsearch-keystore');
    execFileSync(tool, ['add', '-x', '-f', 'theirs'], { env, input: 'y\n', stdio: ['pipe', 'ignore', 'ignore'] });
    agent = await bed.startAgent();
    const result = await bed.gateway.result('r/s/2');
    expect(result).toMatchObject({ outcome: 'undone', error: { hint: expect.stringContaining('same command') } });
    const entries = keystoreEntries(await readFile(bed.keystore), undefined);
    expect([...entries.keys()].sort()).toEqual(['cluster.remote.us.credentials', 'keystore.seed', 'theirs']);
    expect(entries.get('cluster.remote.us.credentials')?.toString()).toBe('first');
    expect(existsSync(join(bed.configDir, 'a.crt'))).toBe(false);
    // What stands there is known to be what it was before.
    expect(await bed.gateway.deliver([first])).toMatchObject({ outcome: 'done', results: [{ changed: [] }] });
  });

  test('after the end sends the result again until it is acknowledged, and does nothing twice', async () => {
    await prepare();
    bed.gateway.acknowledges = false;
    const result = await bed.gateway.deliver([setting({ a: 1 })], { id: 'r/s/1' });
    await agent.crash();
    const seen = bed.gateway.received.length;
    bed.gateway.acknowledges = true;
    agent = await bed.startAgent();
    const again = await until('the result comes again', () =>
      bed.gateway.received.slice(seen).find(({ type }) => type === 'result'),
    );
    expect(again).toEqual(result);
    await sleep(100);
    const after = bed.gateway.received.length;
    await agent.stop();
    await bed.startAgent();
    await sleep(300);
    expect(bed.gateway.received.slice(after).filter(({ type }) => type === 'result')).toEqual([]);
  });
});

describe('an undo, when somebody else was there meanwhile', () => {
  const hang = async (): Promise<void> => {
    await prepare();
    const before = bed.nodePid();
    bed.gateway.send([file('a.crt', 'ours'), setting({ 'cheap.hang': true, kept: 1 }), restart(2500)], { id: 'r/s/1' });
    await until('the node was started', () => ![null, before].includes(bed.nodePid()));
  };

  test('goes setting by setting and leaves what is theirs', async () => {
    await hang();
    await appendFile(bed.settingsFile, 'theirs: 1\n');
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    const yml = await bed.yml();
    expect(yml).toContain('theirs: 1');
    expect(yml).not.toContain('cheap.hang');
    expect(await bed.answers()).toBe(true);
  });

  test('says contested for a setting that is no longer ours', async () => {
    await hang();
    await writeFile(
      bed.settingsFile,
      (await bed.yml()).replace('cheap.hang: true', 'cheap.hang: false').replace('kept: 1', 'kept: 2'),
    );
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested' });
    expect(result.error?.message).toContain('kept');
    expect(await bed.yml()).toContain('kept: 2');
  });

  test('says contested for a file that is no longer ours', async () => {
    await hang();
    await writeFile(join(bed.configDir, 'a.crt'), 'theirs');
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested' });
    expect(result.error?.message).toContain('a.crt');
    expect(await readFile(join(bed.configDir, 'a.crt'), 'utf8')).toBe('theirs');
    expect(await bed.yml()).not.toContain('cheap.hang');
  });
});
