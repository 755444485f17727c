import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inClone } from './deployment.ts';

const run = promisify(execFile);

/** Stands in for Elastic's program: goes to the background like `elasticsearch -d -p FILE`, with a process that names the server's class. */
const STAND_IN = `#!/bin/bash
[ "$1 $2" = "-d -p" ] || exit 64
echo "$ES_PATH_CONF" >> "$ES_HOME/starts"
setsid ${process.execPath} -e 'setTimeout(() => undefined, 300_000)' org.elasticsearch.server/stand-in > /dev/null 2>&1 &
echo $! > "$3"
`;

let home: string;
let pidFile: string;

const service = (action: string) =>
  run(inClone('deploy/elasticsearch-node/elasticsearch-service'), [action], {
    env: { PATH: process.env.PATH, ES_HOME: home, ES_PID_FILE: pidFile },
  });
const pid = (): number => Number(readFileSync(pidFile, 'utf8'));
/** Empty for a process that has ended, whether its parent has taken note or not. */
const commandLineOf = (process: number): string => {
  const file = `/proc/${process}/cmdline`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const starts = (): string[] => readFileSync(join(home, 'starts'), 'utf8').trim().split('\n');

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'remora-service-'));
  pidFile = join(home, 'elasticsearch.pid');
  await mkdir(join(home, 'bin'));
  await writeFile(join(home, 'bin', 'elasticsearch'), STAND_IN, { mode: 0o755 });
});

afterEach(async () => {
  await service('stop');
  rmSync(home, { recursive: true });
});

it('starts the node of its configuration once, and stops it', async () => {
  await service('start');
  const first = pid();
  await service('start');
  expect(pid()).toBe(first);
  expect(commandLineOf(first)).not.toBe('');
  expect(starts()).toEqual([join(home, 'config')]);
  await service('stop');
  expect(commandLineOf(first)).toBe('');
  await service('stop');
  await service('start');
  expect(pid()).not.toBe(first);
});

it('does not take another process for the node whose number the pid file has', async () => {
  writeFileSync(pidFile, String(process.pid));
  await service('stop');
  await service('start');
  expect(pid()).not.toBe(process.pid);
});

it('refuses other words', async () => {
  await expect(service('restart')).rejects.toMatchObject({ code: 64 });
});
