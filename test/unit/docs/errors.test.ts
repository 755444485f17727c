import { errorTable } from '@remora/shared/errors.ts';
import { expect, it } from 'vitest';
import { filesBelow, read } from './markdown.ts';

const table = 'shared/src/errors.ts';
const sources = ['shared/src', 'agent/src', 'coordinator/src']
  .flatMap((folder) => filesBelow(folder, '.ts'))
  .map((path) => ({ path, text: read(path) }));

/** Codes that nothing uses yet. One that comes into use is taken out here. */
const unused = new Set<string>();

it.each(Object.keys(errorTable))('the error %s is used', (code) => {
  // What nobody else claims becomes `internal`, in the table's own file.
  const places = sources.filter(
    ({ path, text }) => (path !== table || code === 'internal') && text.includes(`'${code}'`),
  );
  expect(places.length > 0).toBe(!unused.has(code));
});

it('no source throws a code that the table does not have', () => {
  const thrown = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/new RemoraError\(\s*'([^']+)'/g)].map(([, code]) => ({ path, code: code ?? '' })),
  );
  expect(thrown.length).toBeGreaterThan(50);
  expect(thrown.filter(({ code }) => !Object.hasOwn(errorTable, code))).toEqual([]);
});

/** Commands that messages name although they are refused as yet. One that is there, or is named no more, is taken out here. */
const refusedYet = new Set<string>();

it('messages send people to commands that are there', () => {
  const usages = new Set(
    [...read('docs/commands.md').matchAll(/^Usage: remora ((?:[a-z]+(?:-[a-z]+)* )?[a-z]+(?:-[a-z]+)*) /gm)].map(
      ([, name]) => name ?? '',
    ),
  );
  const named = sources.flatMap(({ text }) =>
    [...text.matchAll(/`remora ((?:[a-z]+(?:-[a-z]+)* ?)+)/g)].map(([, words]) => (words ?? '').trim()),
  );
  expect(named.length).toBeGreaterThan(20);
  const strangers = named.filter((words) => !words.startsWith('agent') && !usages.has(words));
  expect(new Set(strangers)).toEqual(refusedYet);
});
