import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { anchorsIn, filesBelow, linksIn, read, root } from './markdown.ts';

const pages = filesBelow('.', '.md');

/** Why a link leads nowhere, or null. */
const fault = (page: string, link: string): string | null => {
  if (/^(https?|mailto):/.test(link)) return null;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || anchorsIn(read(target)).includes(anchor)) return null;
  return `${link}: ${target} has no heading for #${anchor}`;
};

it.each(pages)('%s links only to what is there', (page) => {
  expect(linksIn(read(page)).flatMap((link) => fault(page, link) ?? [])).toEqual([]);
});

it('README.md leads to every page of docs/', () => {
  const links = linksIn(read('README.md'));
  expect(filesBelow('docs', '.md').filter((page) => !links.includes(page))).toEqual([]);
});
