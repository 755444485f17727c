import { RemoraError } from '@remora/shared/errors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { ClusterRecord } from '../plan/records.ts';
import type { Services } from '../services.ts';
import type { Collection } from '../store/inventory.ts';

/** Join tokens are made, kept and spent by the gateway, which alone knows their secret. */
export const tokenService = (
  tokens: Gateway['tokens'],
  clusters: Pick<Collection<ClusterRecord>, 'get'>,
): Services['tokens'] => ({
  async create(input, actor) {
    if ((await clusters.get(input.cluster))?.deployment !== undefined)
      throw new RemoraError(
        'bad-input',
        `Cluster ${input.cluster} is a deployment of Elastic Cloud, on whose nodes no agent runs.`,
      );
    return tokens.create({ ...input, actor });
  },
});
