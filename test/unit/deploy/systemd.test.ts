import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../../coordinator/src/config.ts';
import { logicalLines, textOf } from './deployment.ts';

const COORDINATOR = 'deploy/systemd/remora-coordinator.service';
const AGENT = 'deploy/systemd/remora-agent.service';

/** `Section.Key` -> values, as systemd.syntax(7) has them: a key may come again. */
const unit = (path: string): Map<string, string[]> => {
  const settings = new Map<string, string[]>();
  let section = '';
  for (const line of logicalLines(textOf(path))) {
    const heading = /^\[(\w+)\]$/.exec(line)?.[1];
    if (heading !== undefined) {
      section = heading;
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (section === '' || key === undefined || value === undefined)
      throw new Error(`${path}: "${line}" is no setting.`);
    settings.set(`${section}.${key}`, [...(settings.get(`${section}.${key}`) ?? []), value]);
  }
  return settings;
};

/** Used where the machine has it. */
const VERIFIER = 'systemd-analyze';
const hasVerifier = spawnSync(VERIFIER, ['--version']).status === 0;

/** Seconds of a time span of systemd.time(7), as far as these units use it. */
const seconds = (span: string | undefined): number => {
  const [, count, name] = /^(\d+)(min)?$/.exec(span ?? '') ?? [];
  return Number(count) * (name === 'min' ? 60 : 1);
};

describe.each([COORDINATOR, AGENT])('%s', (path) => {
  it('has each setting once, and what a service needs', () => {
    const settings = unit(path);
    for (const [key, values] of settings) expect(values, key).toHaveLength(1);
    expect([...settings.keys()]).toEqual(
      expect.arrayContaining(['Unit.Description', 'Service.ExecStart', 'Service.Restart', 'Install.WantedBy']),
    );
  });

  it.skipIf(!hasVerifier)('passes systemd-analyze verify', () => {
    const directory = mkdtempSync(join(tmpdir(), 'remora-unit-'));
    const copy = join(directory, basename(path));
    // Where Node is differs from machine to machine.
    writeFileSync(copy, textOf(path).replace('/usr/bin/node', process.execPath));
    const { status, stderr } = spawnSync(VERIFIER, ['verify', copy], { encoding: 'utf8' });
    rmSync(directory, { recursive: true });
    const ours = stderr.split('\n').filter((line) => line.includes(basename(path)));
    expect(ours).toEqual([]);
    expect(status).toBe(0);
  });
});

it('the agent may be stopped and killed without its node, and always comes back', () => {
  const settings = unit(AGENT);
  expect(settings.get('Service.KillMode')).toEqual(['process']);
  expect(settings.get('Service.Restart')).toEqual(['always']);
  expect(settings.get('Service.ReadWritePaths')).toEqual(['-/etc/elasticsearch']);
  expect(settings.has('Service.User')).toBe(false);
});

it('the coordinator has the time to hand its runs over, while its private Redis lives', () => {
  const settings = unit(COORDINATOR);
  expect(seconds(settings.get('Service.TimeoutStopSec')?.[0])).toBeGreaterThan(5);
  expect(settings.get('Service.KillMode')).toEqual(['mixed']);
  expect(settings.get('Service.User')?.[0]).toBe(/^u (\w+) /m.exec(textOf('deploy/systemd/remora.sysusers'))?.[1]);
});

it('coordinator.yml has only keys that the coordinator takes, also those that are commented out', async () => {
  const text = textOf('deploy/systemd/coordinator.yml').replace(/^# ([a-z-]+: \S+)$/gm, '$1');
  const directory = mkdtempSync(join(tmpdir(), 'remora-config-'));
  const config = join(directory, 'coordinator.yml');
  writeFileSync(config, text);
  expect(Object.keys(parse(text)).sort()).toEqual(['listen', 'public-url', 'redis-url', 'sealing-key']);
  const read = await readConfig({ config });
  rmSync(directory, { recursive: true });
  expect(read.publicUrl).toBe('https://remora.example.com:8600');
  const { listen } = await readConfig({ dataDir: '/nonexistent' });
  expect(read.listen.port).toBe(listen.port);
});
