import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { effectClasses } from '@remora/shared/settings.ts';
import { describe, expect, it } from 'vitest';
import { phases } from '../../../agent/src/journal/record.ts';
import { filesBelow, read, root, spansIn } from './markdown.ts';

const text = read('ARCHITECTURE.md');
const spans = spansIn(text);

describe('ARCHITECTURE.md', () => {
  it('names only files and folders that are there', () => {
    const paths = spans.filter((span) => /^(shared|agent|coordinator|test|deploy|docs)\/[\w./-]+$/.test(span));
    expect(paths.length).toBeGreaterThan(40);
    // NAME stands for a file that somebody is about to write.
    const missing = paths.filter((path) => !path.includes('NAME') && !existsSync(join(root, path)));
    // The bundle is built, not kept.
    expect(missing.filter((path) => !path.includes('/dist/'))).toEqual([]);
  });

  it('has a row for every folder with sources', () => {
    const folders = ['shared/src', 'agent/src', 'coordinator/src'].flatMap((folder) =>
      filesBelow(folder, '.ts').map(dirname),
    );
    expect([...new Set(folders)].filter((folder) => !spans.includes(folder))).toEqual([]);
  });

  it('names bare file names only of files that are there', () => {
    const names = new Set(filesBelow('.', '').map((path) => path.slice(path.lastIndexOf('/') + 1)));
    const bare = spans.filter((span) => /^[a-z-]+\.(ts|json|md)$/.test(span));
    expect(bare.filter((name) => !names.has(name))).toEqual([]);
  });

  it('has every phase of the journal and every effect class', () => {
    expect([...phases, ...effectClasses].filter((name) => !spans.includes(name))).toEqual([]);
  });
});
