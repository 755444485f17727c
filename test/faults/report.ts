import { type CaseResult, caseName } from './case.ts';
import { faultNames, faults } from './faults.ts';

const median = (numbers: readonly number[]): number | null =>
  [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? null;

const cell = (value: number | null): string => (value === null ? '-' : String(value));

interface FaultSummary {
  readonly fault: string;
  readonly says: string;
  readonly cases: number;
  readonly passed: number;
  readonly resumed: number;
  readonly pickUpMedianMs: number | null;
  readonly pickUpMaxMs: number | null;
}

export const summaryOf = (results: readonly CaseResult[]): FaultSummary[] =>
  faultNames.flatMap((fault) => {
    const own = results.filter((result) => result.fault === fault);
    const pickUps = own.flatMap(({ pickUpMs }) => pickUpMs ?? []);
    const summary = {
      ...{ fault, says: faults[fault].says, cases: own.length },
      passed: own.filter(({ problems }) => problems.length === 0).length,
      resumed: own.filter(({ resumed }) => resumed).length,
      pickUpMedianMs: median(pickUps),
      pickUpMaxMs: pickUps.length === 0 ? null : Math.max(...pickUps),
    };
    return own.length === 0 ? [] : [summary];
  });

/** How one case went, in a line. */
export const lineOf = (result: CaseResult): string => {
  const { problems, pickUpMs, runMs, point, resumed } = result;
  const how = problems.length === 0 ? 'ok  ' : 'FAIL';
  return `${how} ${caseName(result)}  pick-up ${cell(pickUpMs)} ms, run ${runMs} ms${resumed ? ', resumed' : ''}  (${point})`;
};

/** What did not hold, and the command that tries it again. */
export const failuresOf = (results: readonly CaseResult[]): string[] =>
  results
    .filter(({ problems }) => problems.length > 0)
    .flatMap((result) => [
      `${caseName(result)} at ${result.point}:`,
      ...result.problems.map((problem) => `  - ${problem}`),
      `  again: npm run faults -- --only ${caseName(result)} --seed ${result.seed}`,
    ]);

/** The table: a row for each boundary, a column for each fault. */
export const tableOf = (results: readonly CaseResult[]): string => {
  const rows = [...new Set(results.map(({ workflow, boundary }) => `${workflow}/${boundary}`))].sort();
  const width = Math.max(...rows.map(({ length }) => length));
  const mark = (row: string, fault: string): string => {
    const found = results.find((result) => `${result.workflow}/${result.boundary}` === row && result.fault === fault);
    return !found ? '.' : found.problems.length === 0 ? 'ok' : 'FAIL';
  };
  const columns = faultNames.map((fault) => ({ fault, width: Math.max(fault.length, 4) }));
  const header = ['boundary'.padEnd(width), ...columns.map(({ fault, width: w }) => fault.padEnd(w))].join('  ');
  const lines = rows.map((row) =>
    [row.padEnd(width), ...columns.map(({ fault, width: w }) => mark(row, fault).padEnd(w))].join('  '),
  );
  const summary = summaryOf(results).map(
    ({ fault, cases, passed, resumed, pickUpMedianMs, pickUpMaxMs }) =>
      `${fault.padEnd(24)} ${passed}/${cases} passed${resumed > 0 ? ` (${resumed} resumed)` : ''}, pick-up median ${cell(pickUpMedianMs)} ms, max ${cell(pickUpMaxMs)} ms`,
  );
  return [header, ...lines, '', ...summary].join('\n');
};
