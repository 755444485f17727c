import { RemoraError } from '@remora/shared/errors.ts';
import type { CloudClient } from '../../cloud/client.ts';
import { isForeign } from '../../plan/connection/connection-records.ts';
import type { ClusterRecord, DeploymentId } from '../../plan/records.ts';
import type { ClusterInput } from '../../services.ts';
import type { Inventory } from '../../store/inventory.ts';

interface DeploymentParts {
  readonly inventory: Inventory;
  readonly cloud: (name: string) => Promise<Pick<CloudClient, 'deployment'>>;
}

/** Where a cluster is: of a deployment without URLs its cloud says that, which is asked for it in any case. One deployment is one cluster. */
export const urlsOf = async (
  { cloud, inventory }: DeploymentParts,
  { name: wanted, urls, deployment }: ClusterInput,
): Promise<readonly string[]> => {
  if (deployment === undefined) return urls;
  const { name, endpoint } = await (await cloud(deployment.cloud)).deployment(deployment.id);
  const same = (await inventory.clusters.list()).find((one) => kindOf(one.deployment) === kindOf(deployment));
  if (same !== undefined && same.name !== wanted)
    throw new RemoraError('conflict', `Deployment ${name} is known as cluster "${same.name}" already.`, {
      hint: 'Go on with that name: a cluster has one.',
    });
  if (urls.length > 0) return urls;
  if (endpoint !== null) return [endpoint];
  throw new RemoraError('conflict', `Deployment ${name} has no Elasticsearch endpoint yet.`, {
    hint: 'Wait until Elastic Cloud has made it: see `remora clouds show`.',
  });
};

const kindOf = (deployment: DeploymentId | undefined): string =>
  deployment === undefined ? 'one with agents' : `deployment ${deployment.id} of cloud ${deployment.cloud}`;

/** What was made for nodes with agents is not looked for in a cloud, nor the other way round. */
export const refuseOtherKind = async (
  { inventory }: DeploymentParts,
  { name, deployment: before }: ClusterRecord,
  { deployment }: ClusterInput,
): Promise<void> => {
  if (kindOf(before) === kindOf(deployment)) return;
  const [nodes, connections] = await Promise.all([inventory.nodes.list(), inventory.connections.list()]);
  const isUsed =
    nodes.some(({ cluster }) => cluster === name) ||
    connections.some((one) => one.local === name || (!isForeign(one) && one.remote === name));
  if (isUsed)
    throw new RemoraError(
      'conflict',
      `Cluster ${name} is ${kindOf(before)} and not ${kindOf(deployment)}: it has connections or nodes with agents as what it is.`,
      { hint: `Give the flags with which it was added, or take these apart first.` },
    );
};
