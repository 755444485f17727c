import { RemoraError } from '@remora/shared/errors.ts';
import { keyConnections, signingCaOf } from '../../../plan/connection/connection-records.ts';
import { nodeKey } from '../../../plan/node/node-id.ts';
import type { CaRecord } from '../../../plan/records.ts';
import type { Executor } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

/** Between the look of the plan and the locks of its run somebody may have connected another cluster: its nodes would not be among those that come to trust both. */
const refuseOthers = async (
  { inventory }: Pick<StepParts, 'inventory'>,
  ca: string,
  clusters: readonly string[],
): Promise<void> => {
  const connections = keyConnections(await inventory.connections.list());
  const other = connections.find(
    (one) =>
      [one.ca, ...signingCaOf(one)].includes(ca) && ![one.local, one.remote].every((name) => clusters.includes(name)),
  );
  if (other === undefined) return;
  throw new RemoraError(
    'plan-stale',
    `The connection ${other.local}/${other.alias} came to trust CA ${ca} after the plan was made, and is not part of it. Nothing was changed.`,
    { hint: `Give \`remora ca rotate ${ca}\` again.` },
  );
};

/** Somebody may have made a connection with the old CA meanwhile, between clusters that this run does not hold: then it is not done with. */
const refuseInUse = async ({ inventory }: Pick<StepParts, 'inventory'>, name: string): Promise<void> => {
  const [certificates, connections, signers] = await Promise.all([
    inventory.certificates.list(),
    inventory.connections.list(),
    inventory.signingCertificates.list(),
  ]);
  const users = [
    ...certificates.filter(({ ca }) => ca === name).map(({ cluster, node }) => `the certificate of ${cluster}/${node}`),
    ...keyConnections(connections)
      .filter((one) => [one.ca, ...signingCaOf(one)].includes(name))
      .map(({ local, alias }) => `the connection ${local}/${alias}`),
    ...signers
      .filter(({ ca }) => ca === name)
      .map((one) => `the certificate by which ${nodeKey(one)} signs for ${one.alias}`),
  ];
  if (users.length === 0) return;
  throw new RemoraError('step-failed', `CA ${name} is not retired: ${users.join(', ')} came to use it meanwhile.`, {
    hint: `\`remora ca rotate ${name}\` goes on with what is missing.`,
  });
};

export const successionStep =
  (parts: Pick<StepParts, 'inventory' | 'clock'>): Executor<'ca.succession'> =>
  async (context, { ca, successor, isRetired, clusters }) => {
    const standing = await parts.inventory.cas.get(ca);
    if (standing === null) throw new RemoraError('step-failed', `CA ${ca} is not known any more.`);
    await rememberBefore(context, async () => standing);
    if (isRetired) await refuseInUse(parts, ca);
    else if (clusters !== undefined) await refuseOthers(parts, ca, clusters);
    const { retiredAt: _, ...rest } = standing;
    const next: CaRecord = { ...rest, successor, ...(isRetired ? { retiredAt: parts.clock().toISOString() } : {}) };
    await context.file('cas', ca, next);
    return null;
  };
