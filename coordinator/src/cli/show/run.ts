import { isEnded, type Run, type RunStep } from '@remora/shared/model/run.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import { flagsOf } from './flags.ts';
import { type Column, table } from './table.ts';
import { counted, toTheMinute, toTheSecond, wrap } from './text.ts';

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
  const when = isEnded(run.status) ? ` after ${took}` : `, asked for ${took} ago`;
  const done = run.steps.filter(({ status }) => status === 'succeeded' || status === 'skipped').length;
  const waiting = run.waitingFor === null ? '' : `, waiting for run ${run.waitingFor}`;
  const restarts = run.restarts.length === 0 ? [] : [wrap(`restarted: ${run.restarts.join(', ')}`, '  ')];
  const steps =
    run.steps.length === 0 ? 'nothing had to be done' : `${done} of ${counted(run.steps.length, 'step')} done`;
  return [
    wrap(`${run.title}: ${run.status}${when}, ${steps}${waiting}.`, ''),
    ...restarts,
    ...timing,
    ...faultsOf(run),
    ...(run.status === 'paused' ? [`  go on with: remora runs continue ${run.runId}`] : []),
    ...(run.leftToPutBack
      ? [
          wrap(
            `left to put back, which keeps its clusters locked: ${run.leftToPutBack.join(', ')}. It is tried again and again; \`remora runs watch ${run.runId}\` tells what is in the way.`,
            '  ',
          ),
        ]
      : []),
    ...(run.rollback
      ? [`  ${run.status === 'rolled_back' ? 'rolled back' : 'to be rolled back'} by run ${run.rollback}`]
      : []),
    `  run ${run.runId}`,
  ].join('\n');
};

/** Who asked for a run, when, and how it was to be carried out. */
const originOf = ({ actor, createdAt, planId, options }: Run): string => {
  const flags = flagsOf(options);
  const how = flags.length > 0 ? `, with ${flags.join(' ')}` : '';
  return wrap(`asked for by ${actor} at ${toTheSecond(createdAt)}, plan ${planId}${how}`, '  ');
};

/** A run with all its steps. */
export const runText = (run: Run): string =>
  [runSummary(run), originOf(run), '', table(run.steps, stepColumns, 'It has no steps.')].join('\n');

export const runsTable = (runs: readonly Run[]): string =>
  table(
    runs,
    [
      ['RUN', (run) => run.runId],
      ['STATUS', (run) => run.status],
      ['CREATED', (run) => toTheMinute(run.createdAt)],
      ['TIME', (run) => formatDuration(run.durationMs)],
      ['ACTOR', (run) => run.actor],
      ['WHAT', (run) => run.title],
    ],
    'There are no runs yet.',
  );
