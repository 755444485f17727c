import type { Plan, PlanStep } from '@remora/shared/model/plan.ts';
import { table } from './table.ts';
import { plain, wrap } from './text.ts';

const stepLines = (step: PlanStep, withDiff: boolean): string[] => {
  const effect = step.effect === 'none' ? '' : ` [${step.effect}]`;
  const head = `    ${plain(step.target)}: ${step.kind}${effect}`;
  const diff = withDiff && step.diff !== '' ? [wrap(step.diff, '        ', Number.POSITIVE_INFINITY)] : [];
  return [head, wrap(step.reason, '      '), ...diff];
};

/** The plan's steps under the stages that they stand in, in order. */
const stagesOf = (plan: Plan): Map<string, PlanStep[]> => {
  const stages = new Map<string, PlanStep[]>();
  for (const step of plan.steps) stages.set(step.stage, [...(stages.get(step.stage) ?? []), step]);
  return stages;
};

const listed = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => wrap(line, '  '))];

/** A plan as text: what is restarted in which order, what becomes unavailable, then each stage with its steps and their reasons. */
export const planText = (plan: Plan, withDiff: boolean): string => {
  if (plan.steps.length === 0) {
    return [plain(plan.title), 'Nothing to do: everything is in place.', ...listed('Note:', plan.warnings)].join('\n');
  }
  const restarts =
    plan.restarts.length === 0
      ? 'No node is restarted.'
      : `Restarts, one after the other: ${plan.restarts.join(', ')}.`;
  return [
    plain(plan.title),
    '',
    restarts,
    ...listed('Becomes unavailable (needs --accept-outage):', plan.outages),
    ...listed('Note:', plan.warnings),
    ...[...stagesOf(plan)].flatMap(([stage, steps]) => [
      '',
      `  ${stage}`,
      ...steps.flatMap((step) => stepLines(step, withDiff)),
    ]),
    '',
    `${plan.steps.length} steps. Plan ${plan.planId}, hash ${plan.hash.slice(0, 12)}.${withDiff ? '' : ' --diff shows what becomes different.'}`,
  ].join('\n');
};

export const plansTable = (plans: readonly Plan[]): string =>
  table(
    plans,
    [
      ['PLAN', (plan) => plan.planId],
      ['MADE', (plan) => plan.createdAt],
      ['STEPS', (plan) => String(plan.steps.length)],
      ['RESTARTS', (plan) => String(plan.restarts.length)],
      ['WHAT', (plan) => plan.title],
    ],
    'There are no plans: a change with --check makes one.',
  );
