/**
 * run.ts [PATTERN…]: runs every test, or those whose file's path contains a PATTERN. The last line of the output is
 * `N passed, N failed, N skipped`. Whatever is no passed test and was not skipped on purpose counts as failed: an error
 * outside of tests, a file that can't be loaded, a file without tests, no file at all.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startVitest } from 'vitest/node';
import { versionsHere } from './elasticsearch/versions.ts';
import { TallyReporter } from './tally-reporter.ts';

// Hundreds of processes of the tests compile the same files: as bin/remora has it, which halves the start of each.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../.cache/compiled');

// Agents of the tests are the bundle, of the sources as they are now.
execFileSync(process.execPath, [join(import.meta.dirname, '../agent/build.ts')], {
  stdio: ['ignore', 'ignore', 'inherit'],
});

const tally = new TallyReporter();
const vitest = await startVitest('test', process.argv.slice(2), {
  config: join(import.meta.dirname, 'vitest.config.ts'),
  root: import.meta.dirname,
  watch: false,
  reporters: [process.stdout.isTTY ? 'default' : 'verbose', tally],
});
await vitest.close();

for (const one of await versionsHere()) if (!one.runs) process.stdout.write(`\n*** ${one.why} ***\n`);
process.stdout.write(`${tally.longest(25)}\n${tally.line()}\n`);
process.exit(tally.clean() ? 0 : 1);
