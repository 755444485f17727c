import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { Plan, PlanStage, PlanStep } from '@remora/shared/model/plan.ts';
import { batchLines, hasBatches } from './batches.ts';
import { flagsOf } from './flags.ts';
import { table } from './table.ts';
import { counted, plain, toTheMinute, wrap } from './text.ts';

/** Steps that say the same of several targets are shown as one: a roll of 150 nodes is not 300 lines. */
const together = (steps: readonly PlanStep[], withDiff: boolean): PlanStep[][] => {
  const groups: PlanStep[][] = [];
  for (const step of steps) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const isAlike =
      first?.kind === step.kind &&
      first.effect === step.effect &&
      first.reason === step.reason &&
      (!withDiff || (first.diff === '' && step.diff === ''));
    if (group && isAlike) group.push(step);
    else groups.push([step]);
  }
  return groups;
};

const stepLines = (steps: readonly PlanStep[], withDiff: boolean): string[] => {
  const [first] = steps;
  if (!first) return [];
  const effect = first.effect === 'none' ? '' : ` [${first.effect}]`;
  const head = wrap(`${steps.map(({ target }) => target).join(', ')}: ${first.kind}${effect}`, '    ');
  const diff = withDiff && first.diff !== '' ? [wrap(first.diff, '        ', Number.POSITIVE_INFINITY)] : [];
  return [head, wrap(first.reason, '      '), ...diff];
};

const howOf = (mode: PlanStage['mode'], plan: Plan): string => {
  if (mode === 'serial') return 'one by one';
  if (mode === 'parallel') return 'side by side';
  return `${hasBatches(plan) ? 'batch by batch' : 'node by node'}, behind the gates`;
};

/** The plan's stages in order, each with its steps. */
const stageLines = (plan: Plan, withDiff: boolean): string[] =>
  plan.stages.flatMap(({ id, title, mode }) => {
    const steps = plan.steps.filter(({ stage }) => stage === id);
    const how = steps.length > 1 || mode === 'roll' ? ` (${howOf(mode, plan)})` : '';
    return ['', `  ${plain(title)}${how}`, ...together(steps, withDiff).flatMap((same) => stepLines(same, withDiff))];
  });

const listed = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => wrap(line, '  '))];

/** A plan as text: what is restarted in which order, what becomes unavailable, then each stage with its steps and their reasons. */
export const planText = (plan: Plan, withDiff: boolean): string => {
  if (plan.steps.length === 0) {
    return [plain(plan.title), 'Nothing to do: everything is in place.', ...listed('Note:', plan.warnings)].join('\n');
  }
  const restarts =
    plan.restarts.length === 0
      ? ['No node is restarted.']
      : [
          ...(hasBatches(plan)
            ? batchLines(plan)
            : [wrap(`Restarts, in this order: ${plan.restarts.join(', ')}.`, '')]),
          wrap(`Time for the restarts: ${plan.estimate.text}.`, ''),
        ];
  return [
    plain(plan.title),
    '',
    ...restarts,
    ...listed('Becomes unavailable (needs --accept-outage):', plan.outages),
    ...listed('Note:', plan.warnings),
    ...stageLines(plan, withDiff),
    '',
    `${counted(plan.steps.length, 'step')}. Plan ${plan.planId}, hash ${plan.hash.slice(0, 12)}.${withDiff ? '' : ' --diff shows what becomes different.'}`,
  ].join('\n');
};

/** How to carry a plan out in the way that it was asked for; what stands in its `roll`, `apply` does by itself. */
const applyLine = (plan: Plan, { acceptOutage: _, ...options }: ChangeOptions): string => {
  const accepted = plan.outages.length > 0 ? { acceptOutage: true } : {};
  const others = Object.entries(options).filter(([name]) => !Object.hasOwn(plan.roll, name));
  // It is refused without, and how long was meant to be waited is not kept with a plan.
  const isTold = options.waitOffline !== undefined || plan.batches.every(({ away }) => !away);
  const flags = [
    ...flagsOf({ ...accepted, ...Object.fromEntries(others) }),
    ...(isTold ? [] : ['--wait-offline TIME']),
  ];
  return plain(`Carry it out with: ${['remora apply', plan.planId, ...flags].join(' ')}`);
};

/**
 * A plan that was only looked at: the same, and how to carry it out; `options` are those that it was asked for with, as far as they are known. What was given for it and not
 * kept (`isKept`) has to be given again.
 */
export const checkedPlanText = (plan: Plan, withDiff: boolean, options: ChangeOptions, isKept = true): string => {
  const again = plain('Carry it out with the same command, without --check: what was given with it is not kept.');
  const apply = plan.steps.length === 0 ? [] : [isKept ? applyLine(plan, options) : again];
  return [planText(plan, withDiff), ...apply].join('\n');
};

/** A plan that was kept: the same, and from when it is, in which format and with its whole hash. */
export const keptPlanText = (plan: Plan): string =>
  [
    checkedPlanText(plan, true, {}),
    `Made ${plan.createdAt} by ${plan.workflow}, format ${plan.version}, SHA-256 ${plan.hash}.`,
  ].join('\n');

export const plansTable = (plans: readonly Plan[]): string =>
  table(
    plans,
    [
      ['PLAN', (plan) => plan.planId],
      ['MADE', (plan) => toTheMinute(plan.createdAt)],
      ['STEPS', (plan) => String(plan.steps.length)],
      ['RESTARTS', (plan) => String(plan.restarts.length)],
      ['WHAT', (plan) => plan.title],
    ],
    'There are no plans: a change with --check makes one.',
  );
