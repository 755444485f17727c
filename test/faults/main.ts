/**
 * `npm run faults`: breaks runs at every step boundary in every way, and looks at what is left. See docs/reliability.md.
 *
 *   --all            every case of the table         --only PATTERN,…  those whose name WORKFLOW/BOUNDARY/FAULT contains one
 *   --sample N       so many, each fault in turn     --real N         so many on three real Elasticsearch nodes
 *   --seed N         decides points and order (1)    --lanes N        so many cases at once (2)      --out FILE   results as JSON
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Case, CaseResult } from './case.ts';
import { type Lane, openLanes, runCases } from './lanes.ts';
import { openRealLane } from './real.ts';
import { failuresOf, lineOf, summaryOf, tableOf } from './report.ts';
import { allCases, matching, sampleOf } from './table.ts';
import { type WorkflowName, workflowNames } from './workflows.ts';

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    sample: { type: 'string' },
    real: { type: 'string' },
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

const isReal = values.real !== undefined;
const count = values.real ?? values.sample;

const chosen = (all: readonly Case[]): Case[] => {
  const fitting = values.only === undefined ? [...all] : matching(all, values.only);
  return count === undefined ? fitting : sampleOf(fitting, wholeNumber(isReal ? 'real' : 'sample', count));
};

/** Those that the patterns can mean: each is carried out undisturbed first. */
const named = (patterns = ''): readonly WorkflowName[] => {
  const meant = patterns.split(',').map((pattern) => {
    const found = workflowNames.filter((name) => `${name}/`.startsWith(pattern) || pattern.startsWith(`${name}/`));
    return found.length > 0 ? found : workflowNames;
  });
  return workflowNames.filter((name) => meant.some((names) => names.includes(name)));
};

if (!values.all && values.only === undefined && count === undefined) {
  console.error('Say which cases: --all, --only PATTERN, --sample N or --real N. See docs/reliability.md.');
  process.exit(64);
}

const began = Date.now();
const lanes: Lane[] = [];
const tookS = (): number => Math.round((Date.now() - began) / 1000);
/** After each case, so that what was found is there also when the rest is given up. */
const keep = async (results: readonly CaseResult[]): Promise<void> => {
  if (values.out === undefined) return;
  const found = { seed, tookS: tookS(), summary: summaryOf(results), results };
  await writeFile(values.out, `${JSON.stringify(found, null, 1)}\n`);
};
const close = async (): Promise<void> => {
  await Promise.all(lanes.splice(0).map((lane) => lane[Symbol.asyncDispose]()));
};
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    void close().finally(() => process.exit(130));
  });
try {
  lanes.push(...(isReal ? [await openRealLane()] : await openLanes(laneCount, named(values.only))));
  const [first] = lanes;
  const cases = first ? chosen(allCases(first.observed, seed)) : [];
  if (cases.length === 0) {
    console.error('No case has such a name.');
    process.exitCode = 64;
  }
  const boundaries = Object.entries(first?.observed ?? {}).map(([name, { moments }]) => `${moments.size} of ${name}`);
  console.log(`${cases.length} cases, seed ${seed}; boundaries: ${boundaries.join(', ')}`);
  const results: CaseResult[] = [];
  await runCases(lanes, cases, async (result) => {
    results.push(result);
    console.log([lineOf(result), ...failuresOf([result])].join('\n'));
    await keep(results);
  });
  const failures = failuresOf(results);
  console.log(`\n${tableOf(results)}\n${failures.length === 0 ? '' : `\n${failures.join('\n')}\n`}`);
  const failed = results.filter(({ problems }) => problems.length > 0).length;
  console.log(`${results.length - failed} passed, ${failed} failed, seed ${seed}, ${tookS()} s`);
  if (failed > 0) process.exitCode = 1;
} finally {
  await close();
}
