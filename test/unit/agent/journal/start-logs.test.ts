import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tidyStartLogs } from '../../../../agent/src/journal/start-logs.ts';
import { spawnDetached } from '../../../../agent/src/system/exec.ts';
import { until } from '../../../support/fake-gateway.ts';

const place = async (): Promise<string> => {
  const logs = await mkdtemp(join(tmpdir(), 'remora-logs-'));
  onTestFinished(() => rm(logs, { recursive: true }));
  return logs;
};

const writeOld = async (path: string, age: number): Promise<void> => {
  await writeFile(path, 'said');
  await utimes(path, 1_000_000 - age, 1_000_000 - age);
};

test('logs of past starts do not pile up: the newest stay', async () => {
  const logs = await place();
  for (let age = 0; age < 30; age += 1) await writeOld(join(logs, `start-${age}.log`), age);
  await tidyStartLogs(logs);
  expect(readdirSync(logs).sort()).toEqual(Array.from({ length: 10 }, (_, age) => `start-${age}.log`).sort());
});

test('the log of a start command that stays in the foreground is emptied as it grows, and is never taken from it', async () => {
  const logs = await place();
  const logFile = join(logs, 'start-node.log');
  const go = join(logs, 'go');
  const script = `head -c 3000000 /dev/zero | tr '\\0' x; while [ ! -e ${go} ]; do sleep 0.02; done; echo once more; exec sleep 1000`;
  const node = spawnDetached('sh', ['-c', script], { logFile });
  onTestFinished(() => {
    // Never -0: that would be the group of the tests themselves.
    if (node.pid !== undefined) process.kill(-node.pid, 'SIGKILL');
  });
  await until('the node has said much', () => statSync(logFile).size === 3_000_000);
  for (let age = 1; age < 30; age += 1) await writeOld(join(logs, `undo-${age}.log`), -age - 10_000_000_000);
  await tidyStartLogs(logs);
  expect(statSync(logFile).size).toBe(0);
  await writeFile(go, '');
  await until('the node speaks again', () => statSync(logFile).size > 0);
  expect(readFileSync(logFile, 'utf8')).toBe('once more\n');
});
