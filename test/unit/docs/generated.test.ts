import { expect, it } from 'vitest';
import { pages } from '../../../docs/generate.ts';
import { read } from './markdown.ts';

it.each(Object.entries(pages))('docs/%s is what `node docs/generate.ts` writes', async (name, text) => {
  expect(read(`docs/${name}`)).toBe(await text());
});
