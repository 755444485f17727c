/**
 * `npm run faults`: breaks runs at every step boundary in every way, and looks at what is left. See docs/reliability.md.
 *
 *   --all            every case of the table         --only PATTERN   those whose name WORKFLOW/BOUNDARY/FAULT contains it
 *   --sample N       so many, each fault in turn     --real N         so many on three real Elasticsearch nodes
 *   --seed N         decides points and order (1)    --lanes N        so many cases at once (2)      --out FILE   results as JSON
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Case } from './case.ts';
import { type Lane, openLane, runCases } from './lanes.ts';
import { failuresOf, lineOf, summaryOf, tableOf } from './report.ts';
import { allCases, matching, sampleOf } from './table.ts';

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    out: { type: 'string' },
  },
});

const wholeNumber = (flag: string, text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  console.error(`--${flag} ${text}: write a whole number.`);
  process.exit(64);
};
const seed = wholeNumber('seed', values.seed);
const laneCount = wholeNumber('lanes', values.lanes);

const chosen = (all: readonly Case[]): Case[] => {
  if (values.only !== undefined) return matching(all, values.only);
  return values.sample === undefined ? [...all] : sampleOf(all, wholeNumber('sample', values.sample));
};

if (!values.all && values.only === undefined && values.sample === undefined) {
  console.error('Say which cases: --all, --only PATTERN or --sample N. See docs/reliability.md.');
  process.exit(64);
}

const lanes: Lane[] = [];
const began = Date.now();
try {
  for (let i = 0; i < laneCount; i += 1) lanes.push(await openLane());
  const [first] = lanes;
  const cases = first ? chosen(allCases(first.baselines, seed)) : [];
  if (cases.length === 0) {
    console.error('No case has such a name.');
    process.exitCode = 64;
  }
  console.log(`${cases.length} cases, seed ${seed}`);
  const results = await runCases(lanes, cases, (result) => console.log(lineOf(result)));
  const failures = failuresOf(results);
  console.log(`\n${tableOf(results)}\n${failures.length === 0 ? '' : `\n${failures.join('\n')}\n`}`);
  const failed = results.filter(({ problems }) => problems.length > 0).length;
  const tookS = Math.round((Date.now() - began) / 1000);
  console.log(`${results.length - failed} passed, ${failed} failed, seed ${seed}, ${tookS} s`);
  if (values.out !== undefined)
    await writeFile(values.out, `${JSON.stringify({ seed, tookS, summary: summaryOf(results), results }, null, 1)}\n`);
  if (failed > 0) process.exitCode = 1;
} finally {
  for (const lane of lanes) await lane[Symbol.asyncDispose]();
}
