import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { AgentConfig } from '../../../../agent/src/checks.ts';
import { keystoreTool } from '../../../../agent/src/keystore/tool.ts';
import { identityOf } from '../../../../agent/src/system/process-table.ts';
import { until } from '../../../support/fake-gateway.ts';

test('a write that does not end is ended with all that it started', async () => {
  const root = await mkdtemp(join(tmpdir(), 'remora-tool-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'bin'));
  const pidFile = join(root, 'pid');
  const script = `#!/bin/sh\nsleep 1000 &\necho $! > ${pidFile}\nwait\n`;
  await writeFile(join(root, 'bin/elasticsearch-keystore'), script, { mode: 0o755 });
  await writeFile(join(root, 'elasticsearch.yml'), '');
  const config: AgentConfig = {
    ...{ name: 'eu-1', cluster: 'eu', storeId: 's', coordinators: ['https://localhost'] },
    elasticsearch: {
      home: root,
      configDir: root,
      settingsFile: join(root, 'elasticsearch.yml'),
      url: 'http://localhost',
    },
    service: { systemd: 'elasticsearch.service' },
  };
  const write = keystoreTool(config, 2000).add([{ name: 'a', value: 'secret' }], undefined, join(root, 'log'));
  await expect(write).rejects.toMatchObject({
    code: 'step-failed',
    message: expect.stringContaining('still ran after 2 s'),
  });
  expect(existsSync(pidFile)).toBe(true);
  const sleeper = Number(readFileSync(pidFile, 'utf8'));
  await until('what it started is gone', () => identityOf(sleeper) === null);
});
