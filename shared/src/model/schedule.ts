import Type, { type Static } from 'typebox';
import { RemoraError } from '../errors.ts';
import { parseDuration, parseValidity } from './values/duration.ts';
import { parseClusterName, parseScheduleName } from './values/names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** What the workflow of a schedule is given; which of them it takes is the workflow's to say. */
export const ScheduleArguments = Type.Object(
  {
    /** Certificates or keys that end within this time, like `30d`. */
    expiring: Type.Optional(Text),
    /** Of this cluster only. */
    cluster: Type.Optional(Text),
    /** How long new certificates or keys are valid, like `90d`; absent: as long as those that they replace. */
    validity: Type.Optional(Text),
  },
  { additionalProperties: false },
);
export type ScheduleArguments = Static<typeof ScheduleArguments>;

/** How a run of a schedule is carried out: what of the options of a change makes sense while nobody looks. */
export const ScheduleOptions = Type.Object(
  {
    acceptOutage: Type.Optional(Type.Boolean()),
    onFailure: Type.Optional(Type.Enum(['stop', 'rollback'])),
    reason: Type.Optional(Text),
    ticket: Type.Optional(Text),
  },
  { additionalProperties: false },
);
export type ScheduleOptions = Static<typeof ScheduleOptions>;

/** A schedule as it is asked for. Durations are texts like `2h`. */
export const ScheduleRequest = Type.Object(
  {
    name: Text,
    /** Five fields, or six with the seconds first. */
    cron: Text,
    /** IANA name, like `Europe/Berlin`. Absent: UTC. */
    timezone: Type.Optional(Text),
    /** Name of a workflow. */
    do: Text,
    /** How long after a fire a run may begin, and may begin a node. Absent: at any time. */
    window: Type.Optional(Text),
    /** Each fire is put off by up to this long, always by the same for the same fire. */
    jitter: Type.Optional(Text),
    arguments: Type.Optional(ScheduleArguments),
    options: Type.Optional(ScheduleOptions),
  },
  { additionalProperties: false },
);
export type ScheduleRequest = Static<typeof ScheduleRequest>;

export const scheduleOutcomes = ['running', 'succeeded', 'failed', 'nothing-to-do', 'skipped'] as const;
export type ScheduleOutcome = (typeof scheduleOutcomes)[number];

/** What came of a fire. */
export const ScheduleResult = Type.Object({
  /** When it was begun, ISO 8601. */
  at: Type.String(),
  outcome: Type.Enum([...scheduleOutcomes]),
  /** Its run; of one that was skipped, the run that was in the way. */
  runId: Nullable(Type.String()),
  message: Type.String(),
  /** More of the same kind, a sentence each: what a report found, what speaks against a plan. */
  findings: Type.Array(Type.String()),
});
export type ScheduleResult = Static<typeof ScheduleResult>;

/** A schedule as people and scripts see it. */
export const ScheduleView = Type.Object({
  name: Type.String(),
  cron: Type.String(),
  timezone: Type.String(),
  do: Type.String(),
  arguments: ScheduleArguments,
  options: ScheduleOptions,
  window: Nullable(Type.String()),
  jitter: Nullable(Type.String()),
  paused: Type.Boolean(),
  /** Why it is paused where nobody paused it. */
  pausedBecause: Nullable(Type.String()),
  /** The next three times at which it begins, with their jitter, ISO 8601 in UTC; none while it is paused. */
  nextRuns: Type.Array(Type.String()),
  /** Of the newest fire; null before the first. */
  last: Nullable(ScheduleResult),
  createdAt: Type.String(),
});
export type ScheduleView = Static<typeof ScheduleView>;

/** What `schedules add` answers. */
export const ScheduleAdded = Type.Object({
  ...ScheduleView.properties,
  /** Whether there was one of this name, which is another one now. */
  updated: Type.Boolean(),
  /** What it does may not be meant so: a sentence each. */
  warnings: Type.Array(Type.String()),
});
export type ScheduleAdded = Static<typeof ScheduleAdded>;

/** Whether the parts make sense by themselves; what depends on the expression is the coordinator's to check. Throws `bad-input` that names the flag. */
export const checkScheduleRequest = ({ name, window, jitter, arguments: given = {} }: ScheduleRequest): void => {
  parseScheduleName(name);
  if (window !== undefined) parseDuration(window);
  if (jitter !== undefined) parseDuration(jitter);
  if (window !== undefined && jitter !== undefined && parseDuration(jitter) >= parseDuration(window)) {
    throw new RemoraError(
      'bad-input',
      `--jitter ${jitter} is not shorter than --window ${window}: a fire could be put off until its window is closed.`,
    );
  }
  if (given.expiring !== undefined) parseDuration(given.expiring);
  if (given.cluster !== undefined) parseClusterName(given.cluster);
  if (given.validity !== undefined) parseValidity(given.validity, '--validity');
};
