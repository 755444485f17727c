import { inCluster } from '../connection/alias-place.ts';
import { connectingNodes } from '../node/nodes.ts';
import type { DisconnectFacts } from './facts.ts';

const ALIAS = /^cluster\.remote\.([^.]+)\.(.+)$/;
/** Named like a setting of an alias, and of none. */
const NO_ALIAS = 'cluster.remote.node.attr';

const aliasIn = (name: string): string | undefined => (name === NO_ALIAS ? undefined : ALIAS.exec(name)?.[1]);

/**
 * Aliases of the local cluster that are no connection on record and may live on the CA file: Elasticsearch connects by it where it has a credential for the alias. An
 * alias without one connects by the transport port's own CAs; where some keystore was not seen every alias counts.
 */
export const handMadeAliases = ({ local, connections }: Pick<DisconnectFacts, 'local' | 'connections'>): string[] => {
  const seen = local.nodes.flatMap(({ agent }) => (agent.state === 'online' ? [agent.facts] : []));
  const entries = seen.flatMap(({ keystore }) => (keystore.entries ?? []).map(({ name }) => name));
  const credentials = entries.filter((name) => ALIAS.exec(name)?.[2] === 'credentials');
  const isUnseen =
    local.absentNodes.length > 0 || connectingNodes(local, inCluster).some(({ agent }) => agent.state !== 'online');
  const standing = [
    ...[local.persistent, local.transient].flatMap((settings) => Object.keys(settings)),
    ...seen.flatMap(({ settingsFile }) => Object.keys(settingsFile.values)),
  ];
  const names = [...credentials, ...(isUnseen ? standing : [])].flatMap((name) => aliasIn(name) ?? []);
  const known = new Set(connections.filter((one) => one.local === local.name).map(({ alias }) => alias));
  return [...new Set(names)].filter((alias) => !known.has(alias)).sort();
};
