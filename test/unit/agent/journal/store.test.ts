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
  const ledgerBefore = {
    digest: null,
    names: ['a'],
    entries: { a: { reference: 'secret:a@1', hmac: 'ab', writtenAtMs: 1 } },
  };
  const set = [{ name: 'a', reference: null, hmac: 'cd' }];
  const keystore = { path: '/k', before: null, namesAfter: ['a'], set, remove: [], ledgerBefore, after: null };
  await writeRecord(folder, { ...finishedRecord('r/s/1'), keystore });
  const journal = await openJournal(path);
  expect(journal.resultOf('r/s/1')).toMatchObject({ outcome: 'done' });
  expect(existsSync(join(folder, 'after'))).toBe(false);
  // Nor do HMACs of values, which agents of earlier versions kept in the record.
  await journal.tidy();
  const record = JSON.parse(await readFile(join(folder, 'record.json'), 'utf8')) as TransactionRecord;
  expect(record).toMatchObject({ id: 'r/s/1', result: { outcome: 'done' } });
  expect(record.keystore?.set).toEqual([{ name: 'a', reference: null }]);
  expect(record.keystore?.ledgerBefore.entries).toEqual({ a: { reference: 'secret:a@1', hmac: '', writtenAtMs: 1 } });
});
