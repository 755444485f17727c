import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBed, type NodeBed, restart, setting } from '../../support/agent-harness.ts';
import { cheapNode } from '../../support/cheap-node/processes.ts';

/** The agent beside a node that is a unit of systemd. Only systemctl itself is another one. */
let bed: NodeBed;
const path = process.env.PATH ?? '';

beforeEach(async () => {
  bed = await createBed();
  process.env.PATH = [cheapNode('systemd'), path].join(delimiter);
  process.env.ES_PATH_CONF = bed.configDir;
  await bed.startNode();
  await bed.join({ '--start': null, '--stop': null, '--systemd': 'elasticsearch.service' });
  await bed.startAgent();
});
afterEach(async () => {
  process.env.PATH = path;
  delete process.env.ES_PATH_CONF;
  await bed[Symbol.asyncDispose]();
});

test('a unit that its stop leaves as failed is restarted', async () => {
  const before = bed.nodePid();
  expect(await bed.gateway.deliver([setting({ a: 1 }), restart()])).toMatchObject({ outcome: 'done' });
  expect(bed.nodePid()).not.toBe(before);
  expect(bed.nodeCount()).toBe(1);
});

test('a unit that failed long ago is started', async () => {
  process.kill(bed.nodePid() ?? 0, 'SIGKILL');
  await writeFile(join(bed.root, 'unit-state'), 'failed\n');
  expect(await bed.gateway.deliver([setting({ a: 1 }), restart()])).toMatchObject({ outcome: 'done' });
  expect(await bed.answers()).toBe(true);
});

test('a node that does not start is undone, and the unit that failed by it is started again', async () => {
  const yml = await bed.yml();
  const result = await bed.gateway.deliver([setting({ 'cheap.broken': true }), restart()]);
  expect(result).toMatchObject({ outcome: 'undone', error: { code: 'step-undone' } });
  expect(result.error?.message).toContain('systemctl start elasticsearch.service');
  expect(await bed.yml()).toBe(yml);
  expect(await bed.answers()).toBe(true);
});
