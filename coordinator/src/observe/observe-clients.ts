import { type ServerClients, seedHosts } from '../plan/certificates/given.ts';
import { settingsInForce } from '../plan/connection/alias-place.ts';
import type { ConnectionRecord } from '../plan/connection/connection-records.ts';
import type { ClusterObservation } from '../plan/facts.ts';
import { proxyOf } from '../plan/rotate-ca/proofs.ts';
import { type Looked, lookAt, observeAllTrust, unaskedIn } from './certificates/observe-rotation.ts';
import type { ObserveParts } from './observe-nodes.ts';

/** Who connects to the remote cluster ports of a cluster by these connections, by which ways, and what they trust. */
export const observeClients = async (
  parts: ObserveParts,
  cluster: ClusterObservation,
  connections: readonly ConnectionRecord[],
): Promise<ServerClients> => {
  const own = connections.filter(({ remote }) => remote === cluster.name);
  const locals = await lookAt(
    parts,
    own.map(({ local }) => local),
  );
  const looked: Looked = new Map([...locals, [cluster.name, cluster]]);
  const proxies = own.flatMap((one) => {
    const found = looked.get(one.local);
    return (typeof found === 'object' ? proxyOf(found, one) : null) ?? [];
  });
  const seeds = own.flatMap((one) => {
    const found = looked.get(one.local);
    const hosts = typeof found === 'object' ? seedHosts(settingsInForce(found, one)) : [];
    return hosts.length > 0 ? [hosts] : [];
  });
  const proxied = own.filter(({ mode }) => mode === 'proxy').map(({ local }) => local);
  const direct = own.filter(({ mode }) => mode === 'sniff');
  return {
    ...{ connections: own, proxies, seeds, unasked: unaskedIn(locals) },
    unknownProxies: [...locals].flatMap(([name, found]) =>
      typeof found === 'string' && proxied.includes(name) ? [found] : [],
    ),
    trust: await observeAllTrust(parts, looked, direct),
  };
};
