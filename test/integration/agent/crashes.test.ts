import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { crashWhilePlacing, freezeIn } from '../../support/agent-crashes.ts';
import {
  type AgentProcess,
  createBed,
  entry,
  file,
  type NodeBed,
  restart,
  setting,
} from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

/** What `kill -9` does to an agent in each phase of its journal. */
let bed: NodeBed;
let agent: AgentProcess;

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
const toolIsFrozen = (): boolean =>
  readdirSync('/proc').some((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`KeystoreCli\0${bed.configDir}`)) return false;
      process.kill(Number(pid), 'SIGSTOP');
      return true;
    } catch {
      return false;
    }
  });

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
