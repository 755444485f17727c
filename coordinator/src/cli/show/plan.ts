import type { Plan, PlanStage, PlanStep } from '@remora/shared/model/plan.ts';
import { batchLines, hasBatches } from './batches.ts';
import { table } from './table.ts';
import { counted, plain, wrap } from './text.ts';

const stepLines = (step: PlanStep, withDiff: boolean): string[] => {
  const effect = step.effect === 'none' ? '' : ` [${step.effect}]`;
  const head = `    ${plain(step.target)}: ${step.kind}${effect}`;
  const diff = withDiff && step.diff !== '' ? [wrap(step.diff, '        ', Number.POSITIVE_INFINITY)] : [];
  return [head, wrap(step.reason, '      '), ...diff];
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
    return ['', `  ${plain(title)}${how}`, ...steps.flatMap((step) => stepLines(step, withDiff))];
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

/** A plan that was kept: the same, and from when it is, in which format and with its whole hash. */
export const keptPlanText = (plan: Plan): string =>
  [
    planText(plan, true),
    `Made ${plan.createdAt} by ${plan.workflow}, format ${plan.version}, SHA-256 ${plan.hash}.`,
  ].join('\n');

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
