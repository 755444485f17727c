import { signingSettingsStep } from '../signing/signing-settings.ts';
import type { AnyStep, PlannedStep, Stage } from '../steps.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';
import { isUsable } from './keys/keys.ts';
import type { Part } from './settings.ts';

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

/** Of a key that lets somebody in still, and demands what the run had it demand. */
const demandBack = (facts: RollbackFacts, step: PlannedStep<'api-key.identify'>, identity: string | null): Part => {
  const { cluster, id, secret, identity: made } = step.input;
  const key = facts.earlierKeys.find(({ record }) => record.secret === secret);
  const now = key?.certificateIdentity ?? null;
  if (!isUsable(facts, secret) || now === identity) return { steps: [], warnings: [], findings: [] };
  if (now !== made)
    return {
      ...{ steps: [], findings: [] },
      warnings: [`What API key ${id} demands (${now ?? 'no signature'}) was changed by somebody else since: it stays.`],
    };
  return {
    steps: [
      {
        ...{ id: `put-back-${step.id}`, kind: 'api-key.identify', target: cluster, effect: 'api' },
        reason: 'the run had the key demand something else',
        diff: [
          ...(made === null ? [] : [`- key ${id}: certificate_identity ${made}`]),
          ...(identity === null ? [] : [`+ key ${id}: certificate_identity ${identity}`]),
        ].join('\n'),
        stage: identity === null ? stages.demandOff.id : stages.demandOn.id,
        input: { cluster, id, secret, identity, crossing: null },
      },
    ],
    ...{ warnings: [], findings: [] },
  };
};

/** Takes back how requests are signed and what keys demand. */
export const signingPart = (facts: RollbackFacts): Part => {
  const parts = facts.run.plan.steps.toReversed().map((step): Part => {
    const before = beforeOf(facts.run.steps.get(step.id));
    if (before === undefined) return { steps: [], warnings: [], findings: [] };
    if (step.kind === 'signing-settings.put') return { steps: settingsBack(step), warnings: [], findings: [] };
    return step.kind === 'api-key.identify'
      ? demandBack(facts, step, (before as { readonly identity: string | null }).identity)
      : { steps: [], warnings: [], findings: [] };
  });
  return {
    steps: parts.flatMap(({ steps }) => steps),
    warnings: parts.flatMap(({ warnings }) => warnings),
    findings: [],
  };
};
