import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { createBed, type NodeBed, restart, setting } from '../../support/agent-harness.ts';
import { cheapNode } from '../../support/cheap-node/processes.ts';

/** Restarts beside what else runs on a host: programs with the node's environment, its launcher, other servers on its port. */
let bed: NodeBed;
afterEach(() => bed[Symbol.asyncDispose]());

/** A program that runs until the test has ended. */
const runBeside = (command: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
};

const listenBeside = async (server: Server, host: string): Promise<void> => {
  server.listen(bed.port, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
};

const restarted = async (before: number | null): Promise<void> => {
  const result = await bed.gateway.deliver([setting({ a: 1 }), restart()]);
  expect(result).toMatchObject({ outcome: 'done' });
  expect(bed.nodePid()).not.toBe(before);
  expect(bed.nodeCount()).toBe(1);
  expect((result.results.at(-1) as { identity: string }).identity).toMatch(new RegExp(`^${bed.nodePid()}:`));
};

test('a program that only has ES_PATH_CONF in its environment is not taken for the new node', async () => {
  bed = await createBed();
  await bed.startNode();
  await bed.join();
  await bed.startAgent();
  runBeside('sleep', ['600'], { ES_PATH_CONF: bed.configDir });
  await restarted(bed.nodePid());
});

test('a node in the foreground is restarted, though its old launcher outlives it', async () => {
  bed = await createBed();
  await bed.join({ '--start': cheapNode('start-foreground.sh') });
  await bed.startAgent();
  await restarted(bed.nodePid());
  await restarted(bed.nodePid());
});

test('a node in the foreground that does not start is undone', async () => {
  bed = await createBed();
  await bed.join({ '--start': cheapNode('start-foreground.sh') });
  await bed.startAgent();
  await restarted(null);
  const result = await bed.gateway.deliver([setting({ 'cheap.broken': true }), restart()]);
  expect(result).toMatchObject({ outcome: 'undone', error: { code: 'step-undone' } });
  expect(result.error?.message).toContain('unknown setting [cheap.broken]');
  expect(await bed.answers()).toBe(true);
});

test('another server on the same port of another address is not taken for the node', async () => {
  bed = await createBed();
  const script = `require('node:http').createServer((q, a) => a.end()).listen(${bed.port}, '127.0.0.2', () => console.log())`;
  const other = runBeside(process.execPath, ['-e', script], { ES_PATH_CONF: join(bed.root, 'of-another-node') });
  await once(other.stdout, 'data');
  await bed.startNode();
  await bed.join();
  await bed.startAgent();
  await restarted(bed.nodePid());
});

test('what a proxy answers for a node that does not come up is no success', async () => {
  bed = await createBed();
  await listenBeside(
    createServer((_, response) => response.writeHead(502).end()),
    '127.0.0.2',
  );
  await bed.startNode();
  await bed.join({ '--es-url': `http://127.0.0.2:${bed.port}` });
  await bed.startAgent();
  const result = await bed.gateway.deliver([setting({ 'cheap.hang': true }), restart(1500)]);
  expect(result).toMatchObject({ outcome: 'undone' });
  expect(await bed.answers()).toBe(true);
});

/** A stop command of the operator's, that fails after these lines. */
const failingStop = async (lines: string): Promise<string> => {
  const path = join(bed.root, 'stop-that-fails.sh');
  await writeFile(path, `#!/bin/sh\n${lines}\necho "no such service" >&2\nexit 1\n`, { mode: 0o755 });
  return path;
};

test('a node that ends although its stop command failed is started with the change', async () => {
  bed = await createBed(['cheap.stop.ms: 1500']);
  await bed.startNode();
  await bed.join({ '--stop': await failingStop(cheapNode('stop.sh')) });
  await bed.startAgent();
  await restarted(bed.nodePid());
});

test('a node that lives on after a failed stop is left as it was, with what the command said', async () => {
  bed = await createBed();
  await bed.startNode();
  await bed.join({ '--stop': await failingStop(':') });
  await bed.startAgent();
  const [node, settings] = [bed.nodePid(), await bed.yml()];
  const result = await bed.gateway.deliver([setting({ a: 1 }), restart()]);
  expect(result).toMatchObject({ outcome: 'undone', error: { code: 'step-undone' } });
  expect(result.error?.message).toMatch(/The node was not stopped: .* ended with 1: no such service\./);
  expect(bed.nodePid()).toBe(node);
  expect(await bed.yml()).toBe(settings);
});
