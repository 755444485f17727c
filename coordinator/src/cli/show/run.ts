import { formatDuration } from '@remora/shared/model/duration.ts';
import { isEnded, type Run, type RunStep } from '@remora/shared/model/run.ts';
import { type Column, table } from './table.ts';
import { counted, plain, wrap } from './text.ts';

/** How long a step took, or takes so far; empty before it began. */
const stepDuration = ({ startedAt, finishedAt }: RunStep, now = Date.now()): string =>
  startedAt === null
    ? ''
    : formatDuration((finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt));

const stepColumns: readonly Column<RunStep>[] = [
  ['TARGET', (step) => step.target],
  ['STEP', (step) => step.kind],
  ['STATUS', (step) => step.status],
  ['TIME', (step) => stepDuration(step)],
  ['TRIES', (step) => (step.attempts > 1 ? String(step.attempts) : '')],
  ['WHAT', (step) => step.error?.message ?? step.phase ?? step.reason],
];

const faultsOf = (run: Run): string[] => {
  const failed = run.steps.filter((step) => step.error !== null && step.status === 'failed');
  const faults = failed.flatMap(({ target, kind, error }) =>
    error ? [wrap(`${target}, ${kind}: ${error.message}`, '  '), wrap(error.hint, '    ')] : [],
  );
  return faults.length === 0 && run.error ? [wrap(run.error.message, '  '), wrap(run.error.hint, '    ')] : faults;
};

/** Whether a run that is at rest is where it was asked to be: at its end, or at the pause after its first node. */
export const wentWell = ({ status }: Pick<Run, 'status'>): boolean => status === 'succeeded' || status === 'paused';

/** A few lines that say how a run stands, and what failed when something did; `timing` goes in between. */
export const runSummary = (run: Run, timing: readonly string[] = []): string => {
  const took = formatDuration(run.durationMs);
  const done = run.steps.filter(({ status }) => status === 'succeeded' || status === 'skipped').length;
  const waiting = run.waitingFor === null ? '' : `, waiting for run ${run.waitingFor}`;
  const restarts = run.restarts.length === 0 ? [] : [`  restarted: ${run.restarts.map(plain).join(', ')}`];
  const steps =
    run.steps.length === 0 ? 'nothing had to be done' : `${done} of ${counted(run.steps.length, 'step')} done`;
  return [
    `${plain(run.title)}: ${run.status} ${isEnded(run.status) ? 'after' : 'since'} ${took}, ${steps}${waiting}.`,
    ...restarts,
    ...timing,
    ...faultsOf(run),
    ...(run.status === 'paused' ? [`  go on with: remora runs continue ${run.runId}`] : []),
    ...(run.rollback
      ? [`  ${run.status === 'rolled_back' ? 'rolled back' : 'to be rolled back'} by run ${run.rollback}`]
      : []),
    `  run ${run.runId}`,
  ].join('\n');
};

/** A run with all its steps. */
export const runText = (run: Run): string =>
  `${runSummary(run)}\n\n${table(run.steps, stepColumns, 'It has no steps.')}`;

export const runsTable = (runs: readonly Run[]): string =>
  table(
    runs,
    [
      ['RUN', (run) => run.runId],
      ['STATUS', (run) => run.status],
      ['CREATED', (run) => run.createdAt],
      ['TIME', (run) => formatDuration(run.durationMs)],
      ['ACTOR', (run) => run.actor],
      ['WHAT', (run) => run.title],
    ],
    'There are no runs yet.',
  );
