import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { crashWhile, crashWhilePlacing, isPlaced, manyFiles } from '../../support/agent-crashes.ts';
import {
  type AgentProcess,
  createBed,
  inspection,
  type NodeBed,
  restart,
  setting,
} from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

/** What an agent may still do when it is stopped, held or started again in the middle of a step. */
let bed: NodeBed;
let agent: AgentProcess;

const prepare = async (settings: readonly string[] = []): Promise<void> => {
  bed = await createBed(settings);
  await bed.startNode();
  await bed.join();
  agent = await bed.startAgent();
};
afterEach(() => bed[Symbol.asyncDispose]());

const agentFacts = async (): Promise<NodeFacts['agent']> =>
  ((await bed.gateway.deliver([inspection()], { fence: 0 })).results[0] as NodeFacts).agent;

/** A restart that goes on until the answer is called: the node is frozen in its stop. */
const freezeRestart = async (id: string): Promise<() => void> => {
  const pid = bed.nodePid() ?? 0;
  bed.gateway.send([setting({ a: 1 }), restart()], { id });
  await until('the node is being restarted', () => bed.record()?.phase === 'restarting');
  process.kill(pid, 'SIGSTOP');
  expect(bed.record()?.phase).toBe('restarting');
  return () => process.kill(pid, 'SIGCONT');
};

describe('while a change is under way', () => {
  test('SIGTERM keeps one that waits its turn from beginning', async () => {
    await prepare(['cheap.stop.ms: 3000']);
    const goOn = await freezeRestart('r/s/1');
    bed.gateway.send([setting({ b: 1 })], { id: 'r/s/2' });
    // Reads overtake changes: with its answer, what was sent before it has come, too.
    await agentFacts();
    const ended = agent.stop();
    await until('the agent drains', () => bed.gateway.received.some(({ type }) => type === 'draining'));
    goOn();
    expect(await ended).toBe(0);
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'done' });
    expect(await bed.yml()).not.toContain('b: 1');
    expect(bed.gateway.received.some((message) => message.type === 'result' && message.id === 'r/s/2')).toBe(false);
  });

  test('the same delivery with a higher fence raises it: the driver before is refused from there on', async () => {
    await prepare(['cheap.stop.ms: 3000']);
    const goOn = await freezeRestart('r/s/1');
    bed.gateway.send([setting({ a: 1 }), restart()], { id: 'r/s/1', fence: 5 });
    await until('the fence is raised', async () => (await agentFacts()).fence === 5);
    goOn();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'done' });
    expect(await bed.gateway.deliver([setting({ b: 1 })], { fence: 4 })).toMatchObject({
      outcome: 'refused',
      error: { code: 'fence-stale' },
    });
  });
});

describe('after a crash', () => {
  test('a node that was started with the last good files is not stopped once more', async () => {
    await prepare(['cheap.start.ms: 3000']);
    const [yml, before] = [await bed.yml(), bed.nodePid()];
    bed.gateway.send([setting({ 'cheap.broken': true }), restart()], { id: 'r/s/1' });
    await until('the failed start', () => bed.record()?.phase === 'undoing');
    await until('the last good file', async () => (await bed.yml()) === yml);
    const good = await until('the node is started again', () => bed.nodePid());
    expect(good).not.toBe(before);
    await agent.crash();
    expect(bed.record()?.phase).toBe('undoing');
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    expect(bed.nodePid()).toBe(good);
    expect(await bed.answers()).toBe(true);
  });

  test('a node that came up with the failed files before they were back does not count as started again', async () => {
    await prepare();
    // Undone last to first, so the settings are still the failed ones while the files go.
    const { id, yml } = await crashWhile(
      bed,
      agent,
      'undoing',
      (attempt) => [setting({ 'cheap.start.ms': 8000 }), manyFiles(attempt), restart(1000)],
      (attempt) => bed.nodePid() === null && isPlaced(bed, attempt, 0) && !isPlaced(bed, attempt, 49),
    );
    const failed = await bed.yml();
    expect(failed).not.toBe(yml);
    await bed.startNode();
    await bed.startAgent();
    expect(await bed.gateway.result(id)).toMatchObject({ outcome: 'undone' });
    expect(await bed.yml()).toBe(yml);
    expect(await bed.settingsInForce()).toBe(yml);
    expect(bed.nodeCount()).toBe(1);
  });

  test('files of a node that is held by now go back, and the node is left alone', async () => {
    await prepare();
    const hold = join(bed.dataDir, 'hold');
    const { id, yml, path } = await crashWhilePlacing(bed, agent, 0, restart());
    const node = bed.nodePid();
    await writeFile(hold, '');
    await bed.startAgent();
    const result = await bed.gateway.result(id);
    expect(result).toMatchObject({ outcome: 'undone' });
    expect(result.error?.message).toContain(hold);
    expect(await bed.yml()).toBe(yml);
    expect(existsSync(join(bed.configDir, path(0)))).toBe(false);
    expect(bed.nodePid()).toBe(node);
  });
});

test('an undo changes no byte of an elasticsearch.yml that somebody made other than UTF-8 meanwhile', async () => {
  await prepare();
  const before = bed.nodePid();
  bed.gateway.send([setting({ 'cheap.hang': true, kept: 1 }), restart(3000)], { id: 'r/s/1' });
  await until('the node was started', () => ![null, before].includes(bed.nodePid()));
  const edited = (await bed.yml()).replace('cheap.hang: true', '# caf\xe9');
  const theirs = Buffer.from(edited, 'latin1');
  await writeFile(bed.settingsFile, theirs);
  const result = await bed.gateway.result('r/s/1');
  expect(result).toMatchObject({ outcome: 'contested' });
  expect(result.error?.message).toContain('not UTF-8');
  expect(await readFile(bed.settingsFile)).toEqual(theirs);
});
