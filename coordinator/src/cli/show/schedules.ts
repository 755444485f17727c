import type { ScheduleResult, ScheduleView } from '@remora/shared/model/schedule.ts';
import { type Column, table } from './table.ts';
import { terminalWidth, toTheSecond, wrap } from './text.ts';

const nextOf = ({ paused, nextRuns }: ScheduleView): string =>
  paused ? 'paused' : nextRuns[0] === undefined ? 'never' : toTheSecond(nextRuns[0]);

const cronOf = ({ cron, timezone }: ScheduleView): string => `${cron} ${timezone}`;

const lastOf = ({ last }: ScheduleView): string =>
  last === null ? '' : `${toTheSecond(last.at)} ${last.outcome}${last.outcome === 'failed' ? `: ${last.message}` : ''}`;

const columns: readonly Column<ScheduleView>[] = [
  ['NAME', ({ name }) => name],
  ['NEXT', nextOf],
  ['DOES', ({ do: workflow }) => workflow],
  ['CRON', cronOf],
  ['WINDOW', ({ window }) => window ?? ''],
  ['LAST', lastOf],
];

export const schedulesTable = (schedules: readonly ScheduleView[]): string =>
  table(schedules, columns, 'There are no schedules yet: see `remora schedules add --help`.');

/** What came of a fire, and below it all that was found. */
export const resultText = ({ outcome, runId, message, findings }: ScheduleResult): string =>
  [
    wrap(`${outcome}: ${message}${runId === null ? '' : ` (${runId})`}`, '  ', terminalWidth()),
    ...findings.map((finding) => wrap(`- ${finding}`, '  ', terminalWidth())),
  ].join('\n');

const settingsOf = ({ arguments: given, options, window, jitter }: ScheduleView): string =>
  [...Object.entries({ ...given, window, jitter, ...options })]
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

/** One schedule, a line for each thing. */
export const scheduleText = (schedule: ScheduleView): string => {
  const { name, paused, pausedBecause, nextRuns, last } = schedule;
  const state = paused ? `paused${pausedBecause === null ? '' : `: ${pausedBecause}`}` : '';
  const next = paused ? [] : nextRuns.map(toTheSecond);
  const lines: readonly (readonly [string, string])[] = [
    ['does', schedule.do],
    ['cron', cronOf(schedule)],
    ['with', settingsOf(schedule)],
    ['state', state],
    ['next', next.join(', ')],
    ['last', last === null ? '' : toTheSecond(last.at)],
  ];
  const shown = lines.filter(([, value]) => value !== '').map(([head, value]) => `  ${head.padEnd(6)}${value}`);
  return [name, ...shown, ...(last === null ? [] : [resultText(last)])].join('\n');
};
