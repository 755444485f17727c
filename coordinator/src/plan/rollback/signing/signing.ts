import { widenStage } from '../../connect/signing/resigning.ts';
import { signingSettingsStep } from '../../signing/signing-settings.ts';
import type { AnyStep, PlannedStep, Stage } from '../../steps.ts';
import { beforeOf, type RollbackFacts } from '../facts.ts';
import { isUsable } from '../keys/keys.ts';
import type { Part } from '../settings.ts';
import { keptOut } from './kept-out.ts';
import { endedSigners } from './resigned.ts';
import { demandStages, isResigning } from './resigning.ts';

/** What goes is taken back before the files that it names, what comes back after them: in the reverse of how a run does it. */
const stages = {
  demandOff: { id: 'demand-off', title: 'Demand the signatures no more that the run demanded', mode: 'serial' },
  off: { id: 'signing-off', title: 'Sign and take signatures no more as the run had it', mode: 'serial' },
  on: { id: 'signing-on', title: 'Take signatures and sign again', mode: 'serial' },
  demandOn: { id: 'demand-on', title: 'Demand signatures again', mode: 'serial' },
} as const satisfies Record<string, Stage>;

export const signingStages = stages;

const settingsBack = (step: PlannedStep<'signing-settings.put'>): AnyStep[] => {
  const { cluster, persistent, before } = step.input;
  if (JSON.stringify(persistent) === JSON.stringify(before)) return [];
  const isOff = Object.values(before).every((value) => value === null);
  return [
    signingSettingsStep({
      ...{ id: `put-back-${step.id}`, cluster, persistent: before, before: persistent },
      ...{ reason: 'the run wrote something else', stage: isOff ? stages.off.id : stages.on.id },
    }),
  ];
};

/** Where it is taken back. Of certificates that became others the key lets in both before any node goes back, and demands the earlier subject alone once all are proven. */
const stageOf = ({ run }: RollbackFacts, { stage }: AnyStep, identity: string | null): string => {
  if (identity === null) return stages.demandOff.id;
  if (!isResigning(run)) return stages.demandOn.id;
  return stage === widenStage.id ? demandStages.earlier.id : demandStages.either.id;
};

interface Demanded {
  readonly step: PlannedStep<'api-key.identify'>;
  /** What the key demanded before the step. */
  readonly identity: string | null;
}

const demandStep = (facts: RollbackFacts, { step, identity }: Demanded): AnyStep => {
  const { cluster, id, secret, identity: made, crossing } = step.input;
  const stage = stageOf(facts, step as AnyStep, identity);
  return {
    ...{ id: `put-back-${step.id}`, kind: 'api-key.identify', target: cluster, effect: 'api', stage },
    reason: 'the run had the key demand something else',
    diff: [
      ...(made === null ? [] : [`- key ${id}: certificate_identity ${made}`]),
      ...(identity === null ? [] : [`+ key ${id}: certificate_identity ${identity}`]),
    ].join('\n'),
    input: { cluster, id, secret, identity, crossing: stage === demandStages.earlier.id ? crossing : null },
  };
};

/** What a key demanded, the newest change first: of keys that let somebody in still, and as long as each demands what the run had it demand. */
const demandsBack = (facts: RollbackFacts, changes: readonly Demanded[]): Part => {
  const now = new Map(facts.earlierKeys.map((key) => [key.record.secret, key.certificateIdentity ?? null]));
  const [steps, warnings]: [AnyStep[], string[]] = [[], []];
  for (const change of changes) {
    const { id, secret, identity: made } = change.step.input;
    const demanded = now.get(secret) ?? null;
    if (!isUsable(facts, secret) || demanded === change.identity) continue;
    if (demanded === made) {
      steps.push(demandStep(facts, change));
      now.set(secret, change.identity);
    } else
      warnings.push(
        `What API key ${id} demands (${demanded ?? 'no signature'}) was changed by somebody else since: it stays.`,
      );
  }
  return { steps, warnings: [...new Set(warnings)], findings: [] };
};

/** Takes back how requests are signed and what keys demand. */
export const signingPart = (facts: RollbackFacts, now: string): Part => {
  const done = facts.run.plan.steps.toReversed().flatMap((step) => {
    const before = beforeOf(facts.run.steps.get(step.id));
    return before === undefined ? [] : [{ step, before }];
  });
  const demands = demandsBack(
    facts,
    done.flatMap(({ step, before }) =>
      step.kind === 'api-key.identify' ? [{ step, ...(before as { readonly identity: string | null }) }] : [],
    ),
  );
  const settings = done.flatMap(({ step }) => (step.kind === 'signing-settings.put' ? settingsBack(step) : []));
  const findings = [...endedSigners(facts.run, now), ...keptOut(facts, demands.steps)];
  return { ...demands, steps: [...settings, ...demands.steps], findings };
};
