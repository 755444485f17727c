import { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectionView } from '@remora/shared/model/inventory.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import type { Change, Services } from '../../services.ts';
import { withSetUp } from './connection-set-up.ts';
import { connectionViews, withPaths } from './connection-views.ts';

export const connectionService = (
  parts: ObserveParts,
  connect: Change<ConnectRequest>,
  more: Pick<Services['connections'], 'removal' | 'byCertificate' | 'migration' | 'adoption' | 'foreign'>,
): Services['connections'] => {
  const one = async (local: string, alias: string): Promise<ConnectionView> => {
    await parts.clients.record(local);
    const [view] = await connectionViews(parts, local, alias);
    if (!view)
      throw new RemoraError('not-found', `Cluster ${local} has no connection "${alias}".`, {
        hint: 'See `remora connections list`.',
      });
    return view;
  };
  return {
    ...connect,
    ...more,
    list: () => connectionViews(parts),
    show: async (local, alias) => withSetUp(parts, await one(local, alias)),
    async check(local, alias) {
      const isOne = local !== undefined && alias !== undefined;
      const views = isOne ? [await one(local, alias)] : await connectionViews(parts, local, alias);
      return Promise.all(views.map((view) => withPaths(parts, view)));
    },
  };
};
