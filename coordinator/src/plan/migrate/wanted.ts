import { connectionModes } from '@remora/shared/model/connection-settings.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { standingSettings } from '../connection/alias-place.ts';
import type { ClusterObservation } from '../facts.ts';
import { itemsOf } from '../node/nodes.ts';

/** Settings of an alias that say where it leads. */
const ADDRESSES: readonly string[] = ['mode', 'seeds', 'proxy_address', 'server_name'];

/** Where the alias leads now. */
export const standingSeeds = (cluster: Pick<ClusterObservation, 'persistent'>, alias: string): string[] =>
  itemsOf(standingSettings(cluster, alias).seeds);

/**
 * The connection by API key that is to take the place of one by certificate: the same alias, mode and other settings, with what was asked for of the key and the remote
 * cluster server.
 */
export const connectRequestOf = (
  wish: MigrateRequest,
  remote: string,
  local: Pick<ClusterObservation, 'persistent'>,
): ConnectRequest => {
  const { to: _, removeTrust: __, removeRoles: ___, ...rest } = wish;
  const standing = standingSettings(local, wish.alias);
  const written = String(standing.mode ?? 'sniff').toLowerCase();
  const mode = connectionModes.find((one) => one === written) ?? 'sniff';
  const set = Object.fromEntries(
    Object.entries(standing)
      .filter(([name]) => ![...ADDRESSES, 'skip_unavailable'].includes(name))
      .map(([name, value]) => [name, String(value)]),
  );
  const skip = standing.skip_unavailable;
  return {
    ...rest,
    ...{ remote, mode },
    ...(skip === undefined ? {} : { skipUnavailable: String(skip) === 'true' }),
    ...(Object.keys(set).length > 0 ? { set } : {}),
  };
};
