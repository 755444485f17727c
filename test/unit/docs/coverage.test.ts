import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { read, root } from './markdown.ts';

/** Cells of the third columns that have something, without the heads of the tables. */
const cells = read('docs/coverage.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(' | ').at(-1)?.replace(/\|$/, '').trim() ?? '')
  .filter((cell) => cell !== '' && cell !== 'Shown by' && !/^-+$/.test(cell));

const named = cells.flatMap((cell) =>
  cell.split(/; (?=`)/).map((one) => {
    const [, path = '', name = ''] = /^`(test\/[^`]+)`: "(.+)"$/.exec(one) ?? [];
    return { one, path, name };
  }),
);

/** A text in any quotes, on one line. */
const TEXT = /(['"`])((?:\\.|(?!\1)[^\\\n])*)\1/;

/** The texts that follow `before` in a source, as they read. */
const textsIn = (source: string, before: string): string[] =>
  [...source.matchAll(new RegExp(before + TEXT.source, 'g'))].map(([, , text]) =>
    (text ?? '').replace(/\\(['"`\\])/g, '$1'),
  );

const HOLES = /(\$\{[^}]*\}|%[sij]|\$\w+)/;

/** What stands in the holes of a text (`%s`, `$name`, `${…}`) where it reads like the name; null where it does not. */
const fillings = (text: string, name: string): string[] | null => {
  const parts = text.split(HOLES).map((part, i) => {
    if (i % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    // A number stands in the sources, and is no text there.
    return part === '%i' ? String.raw`\d+` : '(.+)';
  });
  return new RegExp(`^${parts.join('')}$`).exec(name)?.slice(1) ?? null;
};

/** Whether the sources hold a text as it is, or as one with holes whose fillings they hold. */
const isHeld = (texts: readonly string[], all: readonly string[], name: string): boolean =>
  texts.some((text) => {
    if (text === name) return true;
    const found = fillings(text, name);
    // A title may be a hole alone. Among the rest such a text would hold whatever there is.
    return found?.every((one) => (one !== name || texts !== all) && isHeld(all, all, one)) ?? false;
  });

/** A test file, and the files from which it takes cases. */
const sourcesOf = (path: string): string[] => {
  const source = read(path);
  const cases = [...source.matchAll(/from '(\.\.?\/[^']+)'/g)]
    .map(([, from]) => join(dirname(path), from ?? ''))
    .filter((one) => one.startsWith('test/'));
  return [source, ...cases.map(read)];
};

const fault = ({ one, path, name }: (typeof named)[number]): string | null => {
  if (path === '') return `${one}: write \`FILE\`: "NAME"`;
  if (!existsSync(join(root, path))) return `${path} is not there`;
  const sources = sourcesOf(path);
  const titles = textsIn(sources[0] ?? '', String.raw`(?:\b(?:describe|it|test)|\))\(\s*`);
  const all = sources.flatMap((source) => textsIn(source, ''));
  return isHeld(titles, all, name) ? null : `${path} has no test "${name}"`;
};

it('docs/coverage.md names tests that are there', () => {
  expect(named.length).toBeGreaterThan(200);
  expect([...new Set(named.flatMap((one) => fault(one) ?? []))]).toEqual([]);
});
