import { RemoraError } from '@remora/shared/errors.ts';
import type { StoredPlan } from '../plan/steps.ts';

/** Of plans at rest. One of a later format may ask for what this release does not know, so it is not carried out. */
const PLAN_FORMAT = 1;

/** A plan as it is kept. */
export const planText = (plan: StoredPlan): string => JSON.stringify({ ...plan, format: PLAN_FORMAT });

const parse = (text: string): { readonly plan: StoredPlan; readonly isNewer: boolean } => {
  const { format = PLAN_FORMAT, ...plan } = JSON.parse(text) as StoredPlan & { readonly format?: number };
  return { plan, isNewer: format > PLAN_FORMAT };
};

/** Throws `not-found` when there is none, and `bad-input` for one that a newer release has made. */
export const readPlan = (text: string | null, what: string): StoredPlan => {
  if (text === null) throw new RemoraError('not-found', `There is no plan of ${what}.`);
  const { plan, isNewer } = parse(text);
  if (!isNewer) return plan;
  throw new RemoraError(
    'bad-input',
    `The plan of ${what} was made by a newer release of Remora, and is not carried out.`,
    {
      hint: 'Upgrade this coordinator, or give the command again: it plans anew.',
    },
  );
};

/** Those that this release understands. */
export const readablePlans = (texts: readonly (string | null)[]): StoredPlan[] =>
  texts.flatMap((text) => (text === null ? [] : [parse(text)])).flatMap(({ plan, isNewer }) => (isNewer ? [] : [plan]));
