/**
 * `node docs/generate.ts` writes the pages that follow from the code. Whoever changes a code of the error table, a gate, a check or a flag runs it again;
 * `test/unit/docs/generated.test.ts` fails until then.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandsPage } from './pages/commands.ts';
import { errorsPage } from './pages/errors.ts';
import { gatesPage } from './pages/gates.ts';

/** File name in docs/, and what makes its text. */
export const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  'errors.md': errorsPage,
  'gates.md': gatesPage,
  'commands.md': commandsPage,
};

if (import.meta.main) {
  for (const [name, text] of Object.entries(pages)) await writeFile(join(import.meta.dirname, name), await text());
}
