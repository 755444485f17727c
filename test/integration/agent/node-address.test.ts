import { spawn } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { freePorts } from '../../elasticsearch/ports.ts';
import { createBed, type NodeBed, restart, setting } from '../../support/agent-harness.ts';
import { cheapNode, endNodes } from '../../support/cheap-node/processes.ts';
import { until } from '../../support/fake-gateway.ts';

/** Where the agent looks for its node's HTTP, and what it does when nobody is there. */
let bed: NodeBed;
afterEach(() => bed[Symbol.asyncDispose]());

test('a node that does not answer at the address that the agent knows is left alone', async () => {
  bed = await createBed();
  const [elsewhere = 0] = await freePorts(1);
  await bed.join({ '--es-url': `http://127.0.0.1:${elsewhere}` });
  await bed.startNode();
  await bed.startAgent();
  const before = { pid: bed.nodePid(), yml: await bed.yml() };
  const result = await bed.gateway.deliver([setting({ a: 1 }), restart()]);
  expect(result).toMatchObject({ outcome: 'refused', error: { code: 'preflight-failed' } });
  expect(result.error?.message).toContain(`does not answer at http://127.0.0.1:${elsewhere}`);
  expect({ pid: bed.nodePid(), yml: await bed.yml() }).toEqual(before);
});

test('a node that is only just coming up is waited for, at a join and before a restart', async () => {
  bed = await createBed(['cheap.start.ms: 4000']);
  const startSlowly = async (): Promise<number> => {
    spawn(cheapNode('start.sh'), { env: { ...process.env, ES_PATH_CONF: bed.configDir }, stdio: 'ignore' });
    return until('the node begins to start', () => bed.nodePid());
  };
  const first = await startSlowly();
  await bed.join();
  expect(bed.gateway.joined[0]?.elasticsearch.pid).toBe(first);
  await bed.startAgent();
  await endNodes(bed.configDir);
  const second = await startSlowly();
  expect(await bed.gateway.deliver([setting({ a: 1 }), restart()])).toMatchObject({ outcome: 'done' });
  expect(bed.nodePid()).not.toBe(second);
  expect(bed.nodeCount()).toBe(1);
});

test('a node on an address of the machine is found there by its settings, over plain HTTP too', async () => {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const outer = addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
  bed = await createBed([`network.host: ${outer}`]);
  await bed.startNode();
  await bed.join({ '--es-url': null });
  expect(bed.gateway.joined[0]?.elasticsearch).toMatchObject({
    url: `http://${outer}:${bed.port}`,
    pid: bed.nodePid(),
  });
  await bed.startAgent();
  const before = bed.nodePid();
  expect(await bed.gateway.deliver([setting({ a: 1 }), restart()])).toMatchObject({ outcome: 'done' });
  expect(bed.nodePid()).not.toBe(before);
  expect(bed.nodeCount()).toBe(1);
});
