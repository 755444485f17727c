import { RemoraError } from '@remora/shared/errors.ts';
import type { CaRecord } from '../../plan/records.ts';
import type { Executor } from '../executor.ts';
import { rememberBefore } from './before.ts';
import type { StepParts } from './parts.ts';

/** Somebody may have made a connection with the old CA meanwhile, between clusters that this run does not hold: then it is not done with. */
const refuseInUse = async ({ inventory }: Pick<StepParts, 'inventory'>, name: string): Promise<void> => {
  const [certificates, connections] = await Promise.all([inventory.certificates.list(), inventory.connections.list()]);
  const users = [
    ...certificates.filter(({ ca }) => ca === name).map(({ cluster, node }) => `the certificate of ${cluster}/${node}`),
    ...connections.filter(({ ca }) => ca === name).map(({ local, alias }) => `the connection ${local}/${alias}`),
  ];
  if (users.length === 0) return;
  throw new RemoraError('step-failed', `CA ${name} is not retired: ${users.join(', ')} came to use it meanwhile.`, {
    hint: `\`remora ca rotate ${name}\` goes on with what is missing.`,
  });
};

export const successionStep =
  (parts: Pick<StepParts, 'inventory' | 'clock'>): Executor<'ca.succession'> =>
  async (context, { ca, successor, isRetired }) => {
    const standing = await parts.inventory.cas.get(ca);
    if (standing === null) throw new RemoraError('step-failed', `CA ${ca} is not known any more.`);
    await rememberBefore(context, async () => standing);
    if (isRetired) await refuseInUse(parts, ca);
    const { retiredAt: _, ...rest } = standing;
    const next: CaRecord = { ...rest, successor, ...(isRetired ? { retiredAt: parts.clock().toISOString() } : {}) };
    await context.file('cas', ca, next);
    return null;
  };
