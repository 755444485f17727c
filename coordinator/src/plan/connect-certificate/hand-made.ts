import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';

const ADDRESS = /^cluster\.remote\.([^.]+)\.(?:seeds|proxy_address)$/;

/**
 * Aliases of a cluster that are no connection on record and have no credential: they connect by the transport ports' CAs, and may live on those that Remora placed. Who
 * connects from a cluster that Remora does not know cannot be seen.
 */
export const keylessAliases = (
  { name: cluster, persistent, transient, nodes }: ClusterObservation,
  connections: readonly AnyConnectionRecord[],
): string[] => {
  const seen = nodes.flatMap(({ agent }) => (agent.state === 'online' ? [agent.facts] : []));
  const settings = [persistent, transient, ...seen.map(({ settingsFile }) => settingsFile.values)];
  const aliases = settings.flatMap((all) => Object.keys(all).flatMap((name) => ADDRESS.exec(name)?.[1] ?? []));
  const hasKey = (alias: string): boolean =>
    seen.some(({ keystore }) => keystore.entries?.some(({ name }) => name === credentialEntry(alias)));
  const isKnown = (alias: string): boolean => connections.some((one) => one.local === cluster && one.alias === alias);
  return [...new Set(aliases)].filter((alias) => !isKnown(alias) && !hasKey(alias)).sort();
};
