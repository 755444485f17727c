import { RemoraError } from '@remora/shared/errors.ts';
import { type ChangeOptions, checkChangeOptions } from '@remora/shared/model/change-options.ts';
import type { Clock } from '../../clock.ts';
import { listNodes } from '../../elasticsearch/observe-cluster.ts';
import type { GateParts } from '../../observe/roll-gates.ts';
import { gates } from '../../plan/roll/gates.ts';
import { rollsOf } from '../../plan/roll/planned-batches.ts';
import type { StoredPlan } from '../../plan/steps.ts';
import { refuseUnpausable } from '../../run/steps/node/pauses.ts';

/** A node without the attribute would be in no batch: most likely the name is mistyped. */
const refuseUnknownAttribute = async (
  { clients }: Pick<GateParts, 'clients'>,
  plan: StoredPlan,
  attribute: string,
): Promise<void> => {
  for (const rolled of rollsOf(plan)) {
    const { cluster = '' } = rolled[0] ?? {};
    const names = rolled.map(({ node }) => node);
    const nodes = (await listNodes(await clients.get(cluster))).filter(({ name }) => names.includes(name));
    const without = nodes.filter(({ attributes }) => attributes[attribute] === undefined).map(({ name }) => name);
    if (without.length === 0) continue;
    const known = [...new Set(nodes.flatMap(({ attributes }) => Object.keys(attributes)))].sort();
    throw new RemoraError(
      'bad-input',
      `--batch-by ${attribute}: ${without.sort().join(', ')} of cluster ${cluster} ${without.length > 1 ? 'have' : 'has'} no node.attr.${attribute}.`,
      {
        hint:
          known.length > 0
            ? `There ${known.length > 1 ? 'are' : 'is'} ${known.join(', ')}.`
            : 'Set it in elasticsearch.yml, or use --serial.',
      },
    );
  }
};

/** Refuses options that make no sense for this plan. */
const refuseOptions = async (
  parts: Pick<GateParts, 'clients'>,
  plan: StoredPlan,
  { batchBy, pause = [], onFailure }: ChangeOptions,
): Promise<void> => {
  if (plan.workflow === 'disconnect' && onFailure === 'rollback')
    throw new RemoraError(
      'bad-input',
      '`--on-failure rollback`: what took a connection apart is not rolled back, since its API key cannot be made valid again.',
      { hint: 'Leave it out. After a failure `remora runs resume`, or the same command again, goes on.' },
    );
  if (batchBy !== undefined) await refuseUnknownAttribute(parts, plan, batchBy);
  const clusters = new Set(rollsOf(plan).flatMap((nodes) => nodes.map(({ cluster }) => cluster)));
  await refuseUnpausable(parts.clients, [...clusters], pause);
};

/**
 * Makes or reads a plan that is to be carried out in this way: when it is shown, and again when it is carried out. Options that make no sense are refused
 * beforehand, those that make none for this plan afterwards. Changes nothing.
 */
export const planFor = async <P extends StoredPlan>(
  parts: Pick<GateParts, 'clients'> & { readonly clock: Clock },
  options: ChangeOptions,
  make: () => Promise<P>,
): Promise<P> => {
  checkChangeOptions(options, Object.keys(gates), parts.clock());
  const plan = await make();
  await refuseOptions(parts, plan, options);
  return plan;
};
