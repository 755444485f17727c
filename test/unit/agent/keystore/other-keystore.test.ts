import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { forcedConfigDir } from '../../../../agent/src/keystore/other-keystore.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'remora-home-')));
  await mkdir(join(root, 'bin'));
});
afterEach(() => rm(root, { recursive: true }));

test.each([
  ['a bare value', (other: string) => `ES_PATH_CONF=${other}`, true],
  ['a quoted and exported one', (other: string) => `export ES_PATH_CONF="${other}"`, true],
  ['the last of several', (other: string) => `ES_PATH_CONF=/elsewhere\nES_PATH_CONF='${other}'`, true],
  ['one in a comment', (other: string) => `#ES_PATH_CONF=${other}`, false],
  ['none', () => 'ES_JAVA_OPTS=-Xmx1g', false],
])('an environment file with %s', async (_, line, isForced) => {
  const environmentFile = join(root, 'default');
  const other = join(root, 'bin');
  await writeFile(environmentFile, `${line(other)}\n`);
  await writeFile(join(root, 'bin/elasticsearch-env'), `#!/bin/bash\nset -e\nsource ${environmentFile}\n`);
  expect(await forcedConfigDir(root, join(root, 'config'))).toEqual(
    isForced ? { configDir: other, environmentFile } : null,
  );
  expect(await forcedConfigDir(root, other)).toBeNull();
});
