import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inClone } from './deployment.ts';

/** A clone with its node_modules, which was never set up, on a machine that has neither Redis nor apt-get. */
const directory = mkdtempSync(join(tmpdir(), 'remora-set-up-'));
const clone = join(directory, 'clone');
const bin = join(directory, 'bin');
const commands = ['sh', 'dirname', 'readlink', 'find'];
const sources = [
  ...['bin', 'deploy/setup', 'package.json', 'package-lock.json', 'agent/build.ts', 'agent/src', 'agent/package.json'],
  ...['shared/src', 'shared/package.json', 'coordinator/src', 'coordinator/package.json'],
];

beforeAll(() => {
  mkdirSync(bin);
  for (const command of commands) symlinkSync(join('/usr/bin', command), join(bin, command));
  for (const path of sources) cpSync(inClone(path), join(clone, path), { recursive: true });
  symlinkSync(inClone('node_modules'), join(clone, 'node_modules'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const remora = async (...args: readonly string[]) => {
  const env = { PATH: bin, HOME: directory };
  const child = spawn(join(clone, 'bin/remora'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, stdout, stderr };
};

it('an agent is set up and runs without Redis', async () => {
  const first = await remora('agent', 'join', '--help');
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('--token-file') });
  expect(first.stderr).toContain("building the agent's bundle");
  expect(await remora('agent', 'join', '--help')).toEqual({ ...first, stderr: '' });
}, 120_000);

it('so is a command that talks to a coordinator elsewhere', async () => {
  expect(await remora('clusters', '--help')).toMatchObject({ code: 0, stderr: '' });
}, 120_000);

it('a coordinator wants Redis for a store of its own, and only then', async () => {
  const own = await remora('coordinator', '--data-dir', join(directory, 'data'));
  expect(own).toMatchObject({ code: 1, stderr: expect.stringMatching(/redis-server is missing/) });
  const elsewhere = await remora('coordinator', '--redis-url', 'nowhere');
  expect(elsewhere).toMatchObject({ code: 64, stderr: expect.stringMatching(/not an address of a Redis/) });
}, 120_000);
