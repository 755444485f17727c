import { formatAddress, isIpv4, isIpv6, isLoopback } from '@remora/shared/model/values/address.ts';
import { placeOf } from '../../connection/alias-place.ts';
import { keyConnections } from '../../connection/connection-records.ts';
import type { NodeObservation, PathObservation } from '../../facts.ts';
import { connectingNodes, fileSetting } from '../../node/nodes.ts';
import { isNamed } from '../server-address.ts';
import type { ServerWish } from '../wanted.ts';
import type { Check } from './preflight-check.ts';

const machineOf = ({ agent }: NodeObservation): string | null =>
  agent.state === 'online' ? agent.facts.host.machineId : null;

/** A probe of loopback ends at the host that probes, and "refused" there would count as an open path. */
export const beyondLoopback: Check = {
  code: 'preflight-failed',
  demands: 'in sniff mode, no remote node listens on loopback only while a local node on another host connects',
  run: ({ facts, request, servers }) =>
    servers.flatMap((server) => {
      const machine = machineOf(server.node);
      if (request.mode !== 'sniff' || machine === null || !isLoopback(server.host)) return [];
      const other = connectingNodes(facts.local, placeOf(request)).find(
        (node) => ![null, machine].includes(machineOf(node)),
      );
      return other
        ? [
            `Node ${server.node.name} of cluster ${facts.remote.name} would listen at ${formatAddress(server)}, where node ${other.name}, on another host, finds only itself: give --remote-host with an interface (_site_, _eth0_), or write remote_cluster.host into that node's elasticsearch.yml.`,
          ]
        : [];
    }),
};

const takesRemoteHost = ({ node, settings }: ServerWish): boolean =>
  settings['remote_cluster.host'] !== undefined && (fileSetting(node, 'remote_cluster.host') ?? null) === null;

/** As the agents write addresses. */
const canonical = (address: string): string =>
  isIpv6(address) ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;

const INSTEAD =
  'give an interface that every node has (_site_, _eth0_), or write remote_cluster.host into the elasticsearch.yml of each node';

/** What is written into every file must be an address that every node can bind. */
export const remoteHostFits: Check = {
  code: 'preflight-failed',
  demands: '--remote-host is one that each remote node that gets it can bind',
  run: ({ facts: { remote }, request: { remoteHost }, servers }) => {
    // Interfaces are the host's own, and wildcards and loopback are everybody's.
    if (remoteHost === undefined || !isNamed(remoteHost) || isLoopback(remoteHost)) return [];
    const taking = servers.filter(takesRemoteHost);
    if (!isIpv4(remoteHost) && !isIpv6(remoteHost))
      return new Set(taking.map(({ node }) => machineOf(node))).size > 1
        ? [
            `--remote-host ${remoteHost} would be bound by every node of cluster ${remote.name}, and they are on several hosts: ${INSTEAD}.`,
          ]
        : [];
    return taking.flatMap(({ node: { agent, name } }) =>
      agent.state === 'online' && !agent.facts.host.addresses.includes(canonical(remoteHost))
        ? [
            `Node ${name} of cluster ${remote.name} has no address ${remoteHost} (it has ${agent.facts.host.addresses.join(', ')}), so it would not start with --remote-host ${remoteHost}: ${INSTEAD}.`,
          ]
        : [],
    );
  },
};

/** Whether the server runs now at the address that it shall have. */
const isServing = ({ node, host, port, listening }: ServerWish): boolean =>
  listening.includes(host) && (node.remoteClusterServer?.publishAddress.endsWith(`:${port}`) ?? false);

/** Other connections find the nodes where they listen now. */
export const addressKept: Check = {
  code: 'conflict',
  demands: 'remote nodes keep the address at which another connection finds them',
  run: ({ facts, request, servers }) => {
    const other = keyConnections(facts.connections).find(
      (c) => c.remote === facts.remote.name && (c.local !== request.local || c.alias !== request.alias),
    );
    if (!other) return [];
    return servers
      .filter((server) => server.node.remoteClusterServer && !isServing(server))
      .map(
        (server) =>
          `Node ${server.node.name} of cluster ${facts.remote.name} listens at ${server.node.remoteClusterServer?.publishAddress}, where connection ${other.alias} of cluster ${other.local} finds it, and would listen at ${formatAddress(server)}: leave out --remote-host and --remote-port, or take the change in elasticsearch.yml back.`,
      );
  },
};

/** A node whose port is taken does not start; but a proxy in front may answer for it already, so this does not block. */
export const takenPortWarnings = (paths: readonly PathObservation[], servers: readonly ServerWish[]): string[] =>
  servers
    .filter(({ node }) => !node.remoteClusterServer)
    .filter((server) => paths.some(({ address, tcp }) => tcp === 'open' && address === formatAddress(server)))
    .map(
      (server) =>
        `Something listens at ${formatAddress(server)} already, although the remote cluster server of node ${server.node.name} is off: unless that is a proxy for it, the node will not start with that port and its change will be taken back.`,
    );

/** Sniffing leads to what the nodes publish, whatever seeds were given. */
const PROXY_INSTEAD =
  ' In sniff mode local nodes connect to the addresses that the remote nodes publish: where these are not theirs to reach, behind a load balancer or in Elastic Cloud, give --mode proxy --proxy-address HOST:PORT.';

export const pathsOpen: Check = {
  code: 'preflight-failed',
  demands:
    'every local node reaches the addresses that it will connect to; a refused connection is an open path where nothing listens yet',
  run: ({ facts, request, servers }) => {
    const serving = new Set(servers.filter(isServing).map(formatAddress));
    const published = new Set(request.mode === 'sniff' ? servers.map(formatAddress) : []);
    return facts.paths.flatMap(({ node, address, tcp, detail }) => {
      const instead = published.has(address) ? PROXY_INSTEAD : '';
      if (tcp === 'open' || tcp === 'refused')
        return tcp === 'refused' && serving.has(address)
          ? [`Node ${node} cannot reach ${address}: the connection is refused although the remote cluster server runs.`]
          : [];
      if (tcp === 'timeout')
        return [
          `Node ${node} got no answer from ${address}: that is what a firewall looks like which drops packets. Open that port for it.${instead}`,
        ];
      return [`Node ${node} cannot reach ${address}: ${detail}.${instead}`];
    });
  },
};
