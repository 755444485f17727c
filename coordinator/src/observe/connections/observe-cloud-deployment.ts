import type { CloudChangeRequest } from '@remora/shared/model/clouds/cloud-change.ts';
import { cloudRecord } from '../../cloud/open.ts';
import { writtenKeys } from '../../cloud/record.ts';
import type { CloudDeploymentFacts } from '../../plan/cloud-deployment/facts.ts';
import type { ObserveParts } from '../observe-nodes.ts';

/** Gathers what the planner of a deployment's change looks at. Changes nothing. */
export const observeCloudDeployment = async (
  parts: ObserveParts,
  { cloud, deployment }: CloudChangeRequest,
): Promise<CloudDeploymentFacts> => {
  const client = await parts.cloud(cloud);
  const found = await client.deployment(deployment);
  const [entries, record, cas, secretVersions] = await Promise.all([
    client.keystore(found),
    cloudRecord(parts.inventory, cloud),
    parts.inventory.cas.list(),
    parts.secretVersions(),
  ]);
  const { name, refId, trust, version, isChanging, lastChangeFailed } = found;
  return {
    ...{ name, refId, version, isChanging, lastChangeFailed },
    entries,
    direct: trust.direct ?? [],
    written: writtenKeys(record, deployment),
    cas,
    secretVersions,
  };
};
