import { RemoraError } from '@remora/shared/errors.ts';
import type { CloudPlace } from '@remora/shared/model/clouds/cloud-name.ts';

/** The cluster and scope of names by the pattern of Elastic Cloud; undefined where no such names are asked for. Throws `bad-input` for one flag alone. */
export const cloudPlaceOf = ({
  cloudCluster: cluster,
  cloudScope: scope,
}: {
  readonly cloudCluster?: string;
  readonly cloudScope?: string;
}): CloudPlace | undefined => {
  if (cluster === undefined && scope === undefined) return undefined;
  if (cluster === undefined || scope === undefined)
    throw new RemoraError('bad-input', '--cloud-cluster and --cloud-scope go together.');
  return { cluster, scope };
};
