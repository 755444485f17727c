import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { inClone, serviceOf } from './deployment.ts';

const run = promisify(execFile);

const scripts = ['deploy/remora', ...['deploy/compose', 'deploy/elasticsearch-node'].flatMap(filesIn)];

function filesIn(folder: string): string[] {
  return readdirSync(inClone(folder)).map((name) => `${folder}/${name}`);
}

/** Used where the machine has it. */
const CHECKER = 'shellcheck';
const hasChecker = spawnSync(CHECKER, ['--version']).status === 0;

describe.each(scripts)('%s', (path) => {
  it('is an executable shell script without syntax errors', async () => {
    const shell = /^#!\/bin\/(bash|sh)\n/.exec(readFileSync(inClone(path), 'utf8'))?.[1];
    expect(shell).toBeDefined();
    expect(statSync(inClone(path)).mode & 0o111).toBe(0o111);
    await run(shell ?? '', ['-n', inClone(path)]);
  });

  it.skipIf(!hasChecker)('passes shellcheck', () => {
    execFileSync(CHECKER, [inClone(path)], { stdio: 'pipe' });
  });
});

it('services start scripts that their image has', () => {
  const entrypoints = ['prepare', 'register'].map((name) => serviceOf(name).entrypoint?.[0]);
  expect(entrypoints).toEqual(['/opt/remora/prepare', '/opt/remora/deploy/compose/register']);
  const [check] = serviceOf('us-1').healthcheck?.test.slice(1) ?? [];
  expect(filesIn('deploy/elasticsearch-node')).toContain(check?.replace('/opt/remora', 'deploy/elasticsearch-node'));
});
