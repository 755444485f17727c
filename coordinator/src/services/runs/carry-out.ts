import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { Run } from '@remora/shared/model/run.ts';
import type { Clock } from '../../clock.ts';
import { limitOf } from '../../limit.ts';
import { type GateParts, observeGates, sayGates } from '../../observe/roll-gates.ts';
import { isUnseen } from '../../plan/node/node-step.ts';
import type { StoredPlan } from '../../plan/steps.ts';
import type { ChangeRequest } from '../../services.ts';
import { refuseUnkept } from '../keys/given-secrets.ts';
import { planFor } from './refuse-options.ts';

export interface CarryOutParts extends GateParts {
  /** The value behind a reference; throws `not-found`. */
  readonly secretValue: (reference: string) => Promise<string>;
  readonly clock: Clock;
  /** Files a plan and starts a run of it; a repeated key gives the first run. */
  readonly start: (
    plan: StoredPlan,
    options: { readonly actor: string; readonly idempotencyKey?: string; readonly options?: ChangeOptions },
  ) => Promise<Run>;
  readonly startedWith: (actor: string, idempotencyKey: string) => Promise<Run | null>;
}

const refuseOutage = (plan: StoredPlan): never => {
  throw new RemoraError('outage-not-accepted', `This would make something unavailable: ${plan.outages.join(' ')}`, {
    findings: plan.outages,
  });
};

/** Without the time that is waited for them, the run would stand at the gate of the first that is away. */
const refuseAway = (plan: StoredPlan, waitOffline: string | undefined): void => {
  const away = [...new Set(plan.steps.filter(isUnseen).map(({ target }) => target))];
  if (waitOffline !== undefined || away.length === 0) return;
  throw new RemoraError(
    'agent-offline',
    `The plan was made with --wait-offline, and ${away.length > 1 ? 'the agents' : 'the agent'} of ${away.join(', ')} ${away.length > 1 ? 'are' : 'is'} still offline.`,
    { hint: 'Give --wait-offline here too, with the time that is waited for them.' },
  );
};

/** A gate that a moment closes (a new index, say) is no reason to refuse: this long it may take to open. */
const GATE_PATIENCE_MS = 10_000;

/** Refuses a roll whose first node could not be restarted now, while nothing has been changed yet. Later ones wait for their gates in the run. */
const refuseClosedGates = async (
  parts: CarryOutParts,
  plan: StoredPlan,
  override: readonly string[],
): Promise<void> => {
  const rolls = plan.stages
    .filter(({ mode }) => mode === 'roll')
    // Nodes that are left until their agents are back do not come first.
    .map(({ id }) => plan.steps.find((step) => step.stage === id && !isUnseen(step)));
  const patience = limitOf(GATE_PATIENCE_MS);
  for (const step of rolls) {
    if (step?.kind !== 'node.change') continue;
    const look = async () => (await observeGates(parts, [step.input])).filter(({ gate }) => !override.includes(gate));
    for (let closed = await look(); closed.length > 0; closed = await look()) {
      if (patience.isOver()) {
        throw new RemoraError(
          'gate-closed',
          `Node ${step.input.node} of cluster ${step.input.cluster} may not be restarted now: ${sayGates(closed)}.`,
        );
      }
      await sleep(500);
    }
  }
};

const takenBack: readonly string[] = [
  'rotate-certificates',
  'place-certificates',
  'rotate-ca',
  'rotate-key',
  'apply-role',
  'adopt',
  'connect-foreign',
];

/**
 * A certificate that is not served or not trusted, or a key that does not work, is taken back at once where no node restarts for it: the one before is still good. So is
 * a connection by certificate that did not come to be one by API key, whatever it takes.
 */
const withDefaults = (plan: StoredPlan, change: ChangeOptions): ChangeOptions =>
  plan.workflow === 'migrate' || (takenBack.includes(plan.workflow) && plan.restarts.length === 0)
    ? { onFailure: 'rollback', ...change }
    : change;

/**
 * Starts a run of a plan that `make` makes, when nothing speaks against it: the options make sense, the plan is the one that was looked at, its outages are
 * accepted, its first gates are open. Everything that is refused is refused before anything changed.
 */
export const carryOut = async (
  parts: CarryOutParts,
  { actor, idempotencyKey, planHash, change }: ChangeRequest,
  make: () => Promise<StoredPlan>,
): Promise<Run> => {
  // Asked again because the answer was lost: the fleet is in the middle of that run, and another plan would be made of it.
  const started = idempotencyKey === null ? null : await parts.startedWith(actor, idempotencyKey);
  if (started) return started;
  const plan = await planFor(parts, change, async () => {
    const made = await make();
    if (planHash !== null && planHash !== made.hash) {
      throw new RemoraError(
        'plan-stale',
        'What was observed changed since the plan was shown: it would be another one now.',
      );
    }
    refuseAway(made, change.waitOffline);
    return made;
  });
  if (plan.outages.length > 0 && !change.acceptOutage) refuseOutage(plan);
  await refuseUnkept(parts.secretValue, plan);
  await refuseClosedGates(parts, plan, change.override ?? []);
  const options = withDefaults(plan, change);
  return parts.start(plan, { actor, options, ...(idempotencyKey === null ? {} : { idempotencyKey }) });
};
