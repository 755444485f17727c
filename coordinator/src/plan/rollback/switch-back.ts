import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { LINES_OFF, LINES_PHASE } from '../connection/static-alias.ts';
import type { FlatSettings } from '../facts.ts';
import { phases, stageIds } from '../migrate/stages.ts';
import { itemsOf } from '../node/nodes.ts';
import type { AnyStep, PlannedStep, Stage, StoredPlan } from '../steps.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';
import { ALIAS_STAGE, type Part, settingsPart } from './settings.ts';

/** What crosses by then crosses at once: the way was open all the time. */
const PROOF_LIMIT_MS = 30_000;

const BOTH: Stage = { id: 'both-ports', title: 'Have the alias lead both ways', mode: 'serial' };
const PROVE_BOTH: Stage = { id: 'prove-both', title: 'Prove the old way', mode: 'serial' };
const ALIASES: Stage = { id: ALIAS_STAGE, title: 'Put cluster settings back', mode: 'serial' };
const PROVE_ALONE: Stage = { id: 'prove-alone', title: 'Prove it alone', mode: 'serial' };

type Put = PlannedStep<'cluster-settings.put'>;

const putSteps = ({ steps }: StoredPlan): Put[] =>
  steps.flatMap((step) => (step.kind === 'cluster-settings.put' ? [step] : []));

/** The step of a migration that had the alias lead the new way alone, where it led both ways before; through a proxy it never did. */
const closingStep = ({ run }: Pick<RollbackFacts, 'run'>): Put | undefined =>
  putSteps(run.plan).find(({ id, stage, input: { persistent } }) => {
    const name = Object.keys(persistent).find((one) => one.endsWith('.seeds'));
    const before = beforeOf(run.steps.get(id)) as Readonly<Record<string, SettingValue | null>> | undefined;
    if (stage !== stageIds.alias || name === undefined || before === undefined) return false;
    const [alone, both] = [itemsOf(persistent[name]), itemsOf(before[name])];
    return both.length > alone.length && alone.every((seed) => both.includes(seed));
  });

/** The settings of a cluster once a step has written values that stood there before. */
const after = (settings: FlatSettings, persistent: Put['input']['persistent']): FlatSettings =>
  Object.fromEntries(
    Object.entries({ ...settings, ...persistent }).filter(([, value]) => value !== null),
  ) as FlatSettings;

/**
 * Puts the settings of a migration back the way it came: the alias leads to both ports before any node loses the key, and to the transport ports alone when none has it any
 * more. So it works at every instant, whichever node has the key, even one that restarts.
 */
const migrationSettings = (facts: RollbackFacts): Part => {
  const closing = closingStep(facts);
  if (closing === undefined) return settingsPart(facts);
  const of = (isWanted: (step: AnyStep) => boolean): RollbackFacts['run'] => ({
    ...facts.run,
    plan: { ...facts.run.plan, steps: facts.run.plan.steps.filter(isWanted) },
  });
  const opened = settingsPart({ ...facts, run: of(({ id }) => id === closing.id) });
  const settings = new Map(facts.settings);
  for (const { input } of putSteps({ ...facts.run.plan, steps: opened.steps }))
    settings.set(input.cluster, after(settings.get(input.cluster) ?? {}, input.persistent));
  const rest = settingsPart({ ...facts, settings, run: of(({ id }) => id !== closing.id) });
  const reason = 'nodes connect to the port that takes what they show, while one after the other loses the key';
  return {
    steps: [
      ...opened.steps.map((step): AnyStep => ({ ...step, id: 'lead-to-both', stage: BOTH.id, reason })),
      ...rest.steps,
    ],
    warnings: [...new Set([...opened.warnings, ...rest.warnings])],
    findings: [...opened.findings, ...rest.findings],
  };
};

/** Puts settings of clusters (aliases) back to what stood before the run. */
export const settingsBack = (facts: RollbackFacts): Part =>
  facts.run.plan.workflow === 'migrate' ? migrationSettings(facts) : settingsPart(facts);

/**
 * Proofs on the way of a migration back: that every node crosses without the key before the new way is closed, and after. None where the connection as it was is not proven
 * at the end either, nor that it still crosses with the key: it may be taken back because that does not.
 */
export const switchProofs = ({ plan }: RollbackFacts['run'], settings: Part, proofs: readonly AnyStep[]): AnyStep[] => {
  if (plan.workflow !== 'migrate' || !settings.steps.some(({ stage }) => stage === ALIAS_STAGE)) return [];
  const { local, alias } = plan.wanted as Pick<ConnectRequest, 'local' | 'alias'>;
  const closes = plan.steps.some(({ stage }) => stage === stageIds.both);
  return proofs.flatMap((proof) => {
    if (proof.kind !== 'connection.prove' || proof.input.local !== local || proof.input.alias !== alias) return [];
    const input = { ...proof.input, limitMs: PROOF_LIMIT_MS };
    const at = ({ id }: Stage, reason: string): AnyStep => ({ ...proof, id, stage: id, reason, input });
    return [
      ...(closes ? [at(PROVE_BOTH, 'every node must cross without the key before the new way is closed')] : []),
      at(PROVE_ALONE, 'it must cross before anything that the new way needed goes'),
    ];
  });
};

/** With two ways open nodes reload one after the other: while one connects anew searches cross from the others. */
const oneByOne = ({ plan }: RollbackFacts['run'], stage: Stage): Stage =>
  stage.id.startsWith('reload-') && plan.steps.some((step) => step.stage === stageIds.both)
    ? { ...stage, mode: 'serial' }
    : stage;

/**
 * Aliases go back first, so that nothing asks over them any more. One that led to the transport ports must not lead there alone while nodes have a key, which those do
 * not take: it goes back when no node has it any more. One whose lines a run took out of elasticsearch.yml has these back before the cluster's settings lose it.
 */
export const withAliases = (run: RollbackFacts['run'], stages: readonly Stage[]): Stage[] => {
  if (run.plan.workflow !== 'migrate') {
    const tookLines = run.plan.steps.some(({ stage }) => stage === LINES_OFF);
    const at = tookLines ? stages.findLastIndex(({ id }) => id.endsWith(`.${LINES_PHASE}`)) : -1;
    return [...stages.slice(0, at + 1), ALIASES, ...stages.slice(at + 1)];
  }
  const isSwitch = ({ id }: Stage): boolean =>
    /^(files|roll|reload)-/.test(id) && id.endsWith(`.${phases.credentials}`);
  const first = Math.max(0, stages.findIndex(isSwitch));
  const last = stages.findLastIndex(isSwitch) + 1;
  const credentials = stages.slice(first, last).map((stage) => oneByOne(run, stage));
  return [...stages.slice(0, first), BOTH, ...credentials, PROVE_BOTH, ALIASES, PROVE_ALONE, ...stages.slice(last)];
};
