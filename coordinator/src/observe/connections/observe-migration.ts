import { RemoraError } from '@remora/shared/errors.ts';
import type { MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { observeCluster } from '../../elasticsearch/observe-cluster.ts';
import { type AnyConnectionRecord, isForeign } from '../../plan/connection/connection-records.ts';
import type { MigrateFacts } from '../../plan/migrate/facts.ts';
import { connectRequestOf } from '../../plan/migrate/wanted.ts';
import { observeTransport } from '../certificates/observe-transport.ts';
import type { ObserveParts } from '../observe-nodes.ts';
import { observeConnect } from './observe-connect.ts';
import { observeRemoteRoles } from './observe-remote-roles.ts';

/** The connection on record, null of one made by hand; `bad-input` where that cannot be migrated without more. */
const recordOf = (
  connections: readonly AnyConnectionRecord[],
  { local, alias, remote }: MigrateRequest,
): MigrateFacts['record'] => {
  const found = connections.find((one) => one.local === local && one.alias === alias) ?? null;
  if (found !== null && isForeign(found))
    throw new RemoraError(
      'bad-input',
      `The connection ${local}/${alias} is one by API key already, to a cluster that others run.`,
    );
  if (found === null && remote === undefined)
    throw new RemoraError('bad-input', `Remora did not make the connection "${alias}" of cluster ${local}.`, {
      hint: 'Give --remote CLUSTER, the cluster of the inventory that it leads to; or see `remora connections list` for its name.',
    });
  return found;
};

/** Gathers everything that the planner of a migration looks at. Changes nothing. */
export const observeMigration = async (parts: ObserveParts, wish: MigrateRequest): Promise<MigrateFacts> => {
  const connections = await parts.inventory.connections.list();
  const record = recordOf(connections, wish);
  const name = record?.remote ?? wish.remote ?? '';
  const settings = await observeCluster(wish.local, await parts.clients.get(wish.local));
  const [connect, local, remote, deploymentTrusts] = await Promise.all([
    observeConnect(parts, connectRequestOf(wish, name, settings)),
    observeTransport(parts, wish.local),
    observeTransport(parts, name),
    parts.inventory.deploymentTrusts.list(),
  ]);
  const remoteRoles = await observeRemoteRoles(parts, wish, connect.remote);
  return { connect, local, remote, record, connections, deploymentTrusts, ...(remoteRoles ? { remoteRoles } : {}) };
};
