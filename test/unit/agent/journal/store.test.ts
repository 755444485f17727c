import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { afterPath, type TransactionRecord, writeRecord } from '../../../../agent/src/journal/record.ts';
import { openJournal } from '../../../../agent/src/journal/store.ts';
import { writePrivate } from '../../../../agent/src/system/durable-file.ts';

const finishedRecord = (id: string): TransactionRecord => ({
  ...{
    version: 1,
    id,
    startedAtMs: 1,
    operations: ['files'],
    phase: 'finished',
    files: [],
    directories: [],
    sources: [],
  },
  ...{ settingsPath: '', settings: [], keystore: null, restart: null, undo: null, results: [], acknowledged: false },
  result: { type: 'result', id, outcome: 'done', results: [], error: null },
});

test('what a step was to place does not stay when a crash comes between its end and the removal', async () => {
  const path = await mkdtemp(join(tmpdir(), 'remora-journal-'));
  onTestFinished(() => rm(path, { recursive: true }));
  const folder = await (await openJournal(path)).create('r/s/1');
  await writePrivate(afterPath(folder, 0), 'a private key');
  await writeRecord(folder, finishedRecord('r/s/1'));
  const journal = await openJournal(path);
  expect(journal.resultOf('r/s/1')).toMatchObject({ outcome: 'done' });
  expect(existsSync(join(folder, 'after'))).toBe(false);
  expect(await readFile(join(folder, 'record.json'), 'utf8')).toContain('r/s/1');
});
