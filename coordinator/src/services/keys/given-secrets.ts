import { RemoraError } from '@remora/shared/errors.ts';
import { keyIdIn } from '@remora/shared/model/keys/encoded-key.ts';
import type { ForeignConnectRequest } from '@remora/shared/model/requests/foreign-connect-request.ts';
import type { RoleApplyRequest } from '@remora/shared/model/requests/role-request.ts';
import type { StoredPlan } from '../../plan/steps.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';

export type GivenSecrets = Pick<SecretStore, 'get' | 'put' | 'latestVersion'>;

/** The value behind a reference; null where there is none. */
const keptValue = async (secrets: Pick<SecretStore, 'get'>, reference: string): Promise<string | null> => {
  try {
    return (await secrets.get(reference)).toString('utf8');
  } catch (error) {
    if (error instanceof RemoraError && error.code === 'not-found') return null;
    throw error;
  }
};

/** By which reference a value that people gave is known. */
export interface Kept {
  readonly secret: string;
  /** Whether it is kept by it; what is only checked is not. */
  readonly kept: boolean;
}

/**
 * Seals a value that people gave, unless it is only checked what would be done with it: then it answers the reference that it would get. The same value again is the same
 * version, so that a command which is given again finds what it made.
 */
export const keepGiven = async (
  secrets: GivenSecrets,
  { name, value, check = false }: { readonly name: string; readonly value: string; readonly check?: boolean },
  actor: string,
): Promise<Kept> => {
  const latest = await secrets.latestVersion(name);
  if ((await keptValue(secrets, `secret:${name}`)) === value) return { secret: `secret:${name}@${latest}`, kept: true };
  if (check) return { secret: `secret:${name}@${latest + 1}`, kept: false };
  return { secret: await secrets.put(name, value, actor), kept: true };
};

/** What people gave for a plan, and the id where it is a key. */
const givenFor = ({ workflow, wanted }: StoredPlan): { readonly secret: string; readonly id?: string } | null => {
  if (workflow === 'connect-foreign') return (wanted as ForeignConnectRequest).key;
  const secret = workflow === 'apply-role' ? (wanted as RoleApplyRequest).user?.password : undefined;
  return secret === undefined ? null : { secret };
};

/** Refuses to carry out a plan that was only shown, when what was given for it was not kept, or something else is by now. */
export const refuseUnkept = async (
  secretOf: (reference: string) => Promise<string>,
  plan: StoredPlan,
): Promise<void> => {
  const given = givenFor(plan);
  if (given === null || plan.steps.length === 0) return;
  const value = await keptValue({ get: async (reference) => Buffer.from(await secretOf(reference)) }, given.secret);
  if (value !== null && (given.id === undefined || keyIdIn(value) === given.id)) return;
  throw new RemoraError(
    'bad-input',
    `What was given for plan ${plan.planId} is not kept (${given.secret}): \`--check\` seals no key and no password.`,
    { hint: 'Give the command itself again, with the file and without --check.' },
  );
};
