import type { CloudChangeRequest } from '@remora/shared/model/clouds/cloud-change.ts';
import { cloudRecord } from '../../cloud/open.ts';
import { writtenKeys } from '../../cloud/record.ts';
import type { CloudDeploymentFacts, DeploymentSeen } from '../../plan/cloud-deployment/facts.ts';
import type { DeploymentId } from '../../plan/records.ts';
import type { ObserveParts } from '../observe-nodes.ts';

/** What a cloud says of a deployment, and what is on record of it. */
export const observeDeployment = async (
  parts: Pick<ObserveParts, 'cloud' | 'inventory'>,
  { cloud, id }: DeploymentId,
): Promise<DeploymentSeen> => {
  const client = await parts.cloud(cloud);
  const found = await client.deployment(id);
  const [entries, record] = await Promise.all([client.keystore(found), cloudRecord(parts.inventory, cloud)]);
  const { name, refId, trust, version, host, isChanging, lastChangeFailed } = found;
  return {
    ...{ cloud, id, name, refId, version, host, isChanging, lastChangeFailed, entries },
    direct: trust.direct ?? [],
    written: writtenKeys(record, id),
  };
};

/** Gathers what the planner of a deployment's change looks at. Changes nothing. */
export const observeCloudDeployment = async (
  parts: ObserveParts,
  { cloud, deployment: id }: CloudChangeRequest,
): Promise<CloudDeploymentFacts> => {
  const { inventory } = parts;
  const [seen, cas, clusters, all, secretVersions] = await Promise.all([
    observeDeployment(parts, { cloud, id }),
    inventory.cas.list(),
    inventory.clusters.list(),
    inventory.connections.list(),
    parts.secretVersions(),
  ]);
  const own = clusters.find(({ deployment: one }) => one?.cloud === cloud && one.id === id);
  const connections = all.filter(({ local }) => local === own?.name);
  return { ...seen, cas, connections, secretVersions };
};
