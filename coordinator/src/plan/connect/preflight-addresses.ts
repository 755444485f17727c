import { formatAddress, isIpv4, isIpv6, isLoopback } from '@remora/shared/model/address.ts';
import type { NodeObservation } from '../facts.ts';
import { connectingNodes, fileSetting } from '../nodes.ts';
import type { Check } from './preflight-check.ts';
import { isNamed } from './server-address.ts';
import type { ServerWish } from './wanted.ts';

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
      const other = connectingNodes(facts.local).find((node) => ![null, machine].includes(machineOf(node)));
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
