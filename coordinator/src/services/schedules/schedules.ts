import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import {
  checkScheduleRequest,
  type ScheduleAdded,
  type ScheduleRequest,
  type ScheduleResult,
  type ScheduleView,
} from '@remora/shared/model/schedule.ts';
import { parseDuration, sayDuration } from '@remora/shared/model/values/duration.ts';
import { limitOf } from '../../limit.ts';
import { wishedLifeMs } from '../../plan/certificates/certificate-life.ts';
import { type ConnectionRecord, keyConnections } from '../../plan/connection/connection-records.ts';
import { parseCron, shortestGap } from '../../schedule/cron.ts';
import { nextRuns } from '../../schedule/decide.ts';
import type { ScheduleRecord } from '../../schedule/record.ts';
import type { Services } from '../../services.ts';
import type { Collection } from '../../store/inventory.ts';
import { refuseAgentless } from '../runs/agentless.ts';
import { type ScheduledParts, scheduledWorkflow } from './scheduled-workflows.ts';

export interface ScheduleServiceParts extends ScheduledParts {
  /** Has a schedule be looked at soon. */
  readonly wakeSchedule: (name: string) => Promise<void>;
}

const SHOWN_RUNS = 3;
/** Planning looks at clusters and agents; a request is answered before its client gives up. */
const BEGIN_LIMIT_MS = 90_000;
const NOTED_WITHIN_MS = 3000;
const POLL_MS = 100;

const refuse = (message: string, hint?: string): never => {
  throw new RemoraError('bad-input', message, hint === undefined ? {} : { hint });
};

const view = (record: ScheduleRecord, nowMs: number): ScheduleView => {
  const { name, cron, timezone, arguments: given, options, window, jitter, paused, pausedBecause, createdAt } = record;
  return {
    ...{ name, cron, timezone, do: record.do, arguments: given, options, window, jitter, paused, pausedBecause },
    ...{ nextRuns: nextRuns(record, nowMs, SHOWN_RUNS), last: newestResult(record), createdAt },
  };
};

/** A fire that is open is the newest, unless one was left out since because of it. */
const newestResult = ({ fire, last }: ScheduleRecord): ScheduleResult | null =>
  fire === null || (last !== null && last.outcome === 'skipped' && last.at > fire.at)
    ? last
    : {
        ...{ at: fire.at, outcome: 'running', runId: fire.runId, findings: [] },
        message: fire.runId === null ? 'It is being planned.' : 'Its run goes on.',
      };

const refuseTimes = ({ cron, timezone = 'UTC', window, jitter }: ScheduleRequest, nowMs: number): void => {
  const gap = shortestGap(parseCron(cron, timezone), cron, nowMs);
  const tooLong = (flag: string, text: string): never =>
    refuse(
      `${flag} ${text} is longer than the shortest time between two fires of "${cron}", which is ${sayDuration(gap)}.`,
    );
  if (window !== undefined && parseDuration(window) > gap) tooLong('--window', window);
  if (jitter !== undefined && parseDuration(jitter) >= gap) tooLong('--jitter', jitter);
};

const refuseArguments = ({ do: name, arguments: given = {}, options = {}, window }: ScheduleRequest): void => {
  const { takes, plan } = scheduledWorkflow(name);
  const other = Object.keys(given).find((one) => !takes.some((taken) => taken === one));
  if (other !== undefined) refuse(`--${other} has nothing to do with ${name}, which takes --${takes.join(', --')}.`);
  if (plan === undefined && (Object.keys(options).length > 0 || window !== undefined))
    refuse(`${name} changes nothing: it takes no --window and no options of a change.`);
  const { expiring, validity } = given;
  if (expiring !== undefined && validity !== undefined && parseDuration(expiring) >= parseDuration(validity))
    refuse(
      `--expiring ${expiring} is not shorter than --validity ${validity}: each run would replace what the one before made.`,
    );
};

const endlessKeys = (connections: readonly ConnectionRecord[], expiring: string, cluster?: string): string[] => {
  const short = connections.filter(
    ({ local, expires }) =>
      (cluster ?? local) === local && expires !== null && parseDuration(expires) <= parseDuration(expiring),
  );
  const names = short
    .map(({ local, alias }) => `${local}/${alias}`)
    .sort()
    .join(', ');
  return short.length === 0
    ? []
    : [
        `Each run would replace keys that live no longer than --expiring ${expiring} (${names}): give a shorter --expiring or a longer --validity.`,
      ];
};

/** Successors live as long as the certificates that they replace: what never lives longer than the time that counts as expiring is due at each run. */
const endlessRotation = async (
  { inventory }: ScheduleServiceParts,
  { do: name, arguments: { expiring, cluster, validity } = {} }: ScheduleRequest,
): Promise<string[]> => {
  if (expiring === undefined || validity !== undefined) return [];
  const withinMs = parseDuration(expiring);
  if (name === 'rotate-key') return endlessKeys(keyConnections(await inventory.connections.list()), expiring, cluster);
  if (name !== 'rotate-expiring') return [];
  const signers = (await inventory.signingCertificates.list()).map((one) => ({
    ...one,
    purpose: `signing for ${one.alias}`,
  }));
  const short = [...(await inventory.certificates.list()), ...signers].filter(
    (record) => (cluster ?? record.cluster) === record.cluster && wishedLifeMs(record) <= withinMs,
  );
  const [first] = short;
  if (first === undefined) return [];
  const others = short.length === 1 ? '' : ` and ${short.length - 1} more`;
  return [
    `Each run would replace certificates that live no longer than --expiring ${expiring} (${first.cluster}/${first.node} ${first.purpose}${others}): give a shorter --expiring or a longer --validity.`,
  ];
};

const find = async (schedules: Collection<ScheduleRecord>, name: string): Promise<ScheduleRecord> => {
  const found = await schedules.get(name);
  if (found) return found;
  throw new RemoraError('not-found', `There is no schedule "${name}".`, { hint: 'See `remora schedules list`.' });
};

const recordOf = (request: ScheduleRequest, now: string): ScheduleRecord => ({
  ...{ name: request.name, cron: request.cron.trim(), timezone: request.timezone ?? 'UTC', do: request.do },
  ...{ arguments: request.arguments ?? {}, options: request.options ?? {} },
  ...{ window: request.window ?? null, jitter: request.jitter ?? null },
  ...{ paused: false, pausedBecause: null, createdAt: now, doneUntil: now, fire: null, last: null },
});

const detailOf = ({ cron, timezone, do: workflow }: ScheduleRecord): string => `${workflow}, ${cron} ${timezone}`;

/** Files it, or gives the one of this name other times and another work: what has come until now does not fire anew. */
const add = async (parts: ScheduleServiceParts, request: ScheduleRequest, actor: string): Promise<ScheduleAdded> => {
  const { inventory, clock, wakeSchedule } = parts;
  checkScheduleRequest(request);
  refuseArguments(request);
  refuseTimes(request, clock().getTime());
  const { cluster } = request.arguments ?? {};
  if (cluster !== undefined && !(await inventory.clusters.get(cluster)))
    throw new RemoraError('not-found', `There is no cluster "${cluster}".`, { hint: 'See `remora clusters list`.' });
  // Each fire would be refused.
  if (request.do === 'rotate-expiring' && cluster !== undefined)
    await refuseAgentless(inventory.clusters, 'rotate-certificates', { cluster });
  const made = recordOf(request, clock().toISOString());
  const audit = { actor, target: made.name, detail: detailOf(made) };
  const { schedules } = parts.inventory;
  const isNew = await schedules.add(made.name, made, { ...audit, action: 'schedule.add' });
  const keep = ({ paused, pausedBecause, createdAt, fire, last }: ScheduleRecord): ScheduleRecord => ({
    ...{ ...made, paused, pausedBecause, createdAt, fire, last },
  });
  if (!isNew) await schedules.change(made.name, keep, { ...audit, action: 'schedule.update' });
  await wakeSchedule(made.name);
  const warnings = await endlessRotation(parts, request);
  return { ...view(await find(schedules, made.name), clock().getTime()), updated: !isNew, warnings };
};

/** Pauses it, or lets it fire again: what came meanwhile does not. */
const setPaused = async (
  { inventory: { schedules }, clock, wakeSchedule }: ScheduleServiceParts,
  name: string,
  paused: boolean,
  actor: string,
): Promise<ScheduleView> => {
  const found = await find(schedules, name);
  if (found.paused !== paused) {
    const doneUntil = clock().toISOString();
    await schedules.change(
      name,
      (record) => ({ ...record, paused, pausedBecause: null, ...(paused ? {} : { doneUntil }) }),
      { actor, action: paused ? 'schedule.pause' : 'schedule.resume', target: name },
    );
    await wakeSchedule(name);
  }
  return view(await find(schedules, name), clock().getTime());
};

/** Begins a fire that nobody waited for, when none is open. */
const ask = async (
  { inventory: { schedules }, clock }: ScheduleServiceParts,
  name: string,
  key: string,
  actor: string,
): Promise<void> => {
  const busy = (runId: string | null): never => {
    throw new RemoraError('conflict', `The last fire of schedule ${name} is not over${runId ? `: ${runId}` : ''}.`, {
      hint: runId ? `See \`remora runs show ${runId}\`.` : 'It is being planned; try again in a moment.',
    });
  };
  const begin = (record: ScheduleRecord): ScheduleRecord =>
    record.fire === null || record.fire.key === key
      ? { ...record, fire: { key, slot: null, at: clock().toISOString(), runId: null } }
      : busy(record.fire.runId);
  await schedules.change(name, begin, { actor, action: 'schedule.run', target: name });
};

/** Fires it now, and answers as soon as its run is filed, or what came of it without one. */
const run = async (
  parts: ScheduleServiceParts,
  name: string,
  { actor, idempotencyKey }: { readonly actor: string; readonly idempotencyKey: string | null },
): Promise<ScheduleResult> => {
  const { schedules } = parts.inventory;
  await find(schedules, name);
  const key = `${name}/asked/${idempotencyKey ?? randomUUID()}`;
  await parts.wakeSchedule(name);
  // The run before may be over and not noted yet.
  const patience = limitOf(NOTED_WITHIN_MS);
  while ((await find(schedules, name)).fire !== null && !patience.isOver()) await sleep(POLL_MS);
  await ask(parts, name, key, actor);
  await parts.wakeSchedule(name);
  const limit = limitOf(BEGIN_LIMIT_MS);
  for (;;) {
    const record = await find(schedules, name);
    const result = newestResult(record);
    const isBegun = record.fire?.key !== key || record.fire.runId !== null;
    if (result && (isBegun || limit.isOver())) return result;
    await sleep(POLL_MS);
  }
};

export const scheduleService = (parts: ScheduleServiceParts): Services['schedules'] => {
  const { schedules } = parts.inventory;
  const nowMs = (): number => parts.clock().getTime();
  return {
    list: async () => (await schedules.list()).map((record) => view(record, nowMs())),
    show: async (name) => view(await find(schedules, name), nowMs()),
    add: (request, actor) => add(parts, request, actor),
    pause: (name, actor) => setPaused(parts, name, true, actor),
    resume: (name, actor) => setPaused(parts, name, false, actor),
    run: (name, request) => run(parts, name, request),
    async plan(name) {
      const record = await find(schedules, name);
      const { plan } = scheduledWorkflow(record.do);
      if (plan === undefined) return refuse(`${record.do} changes nothing, so there is no plan to show.`);
      return plan(parts, record.arguments, record.options);
    },
    async remove(name, actor) {
      const isRemoved = await schedules.remove(name, { actor, action: 'schedule.remove', target: name });
      if (!isRemoved) await find(schedules, name);
      await parts.wakeSchedule(name);
    },
  };
};
