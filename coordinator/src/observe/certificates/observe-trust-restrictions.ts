import { messageOf } from '@remora/shared/errors.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { publishedParts } from '../../plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import { hasPlaceholder } from '../../plan/node/loaded.ts';
import { isByCertificate } from '../../plan/records.ts';
import { otherNamesOf } from '../../plan/trust/other-names.ts';
import { restrictionsFile, restrictionsPath } from '../../plan/trust/restrictions.ts';
import type {
  Peer,
  RestrictingFacts,
  ServedNames,
  TrustRestrictionFacts,
} from '../../plan/trust-restrictions/facts.ts';
import { withJudgedFiles } from '../judged-files.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { publishAddresses } from './observe-certificates.ts';

const PROBE_TIMEOUT_MS = 5000;

const look = async (
  parts: ObserveParts,
  cluster: string,
  { name, agent }: NodeObservation,
  address: string | undefined,
): Promise<ServedNames> => {
  if (address === undefined) return { names: [], problem: 'the node publishes none' };
  if (agent.state !== 'online') return { names: [], problem: 'its agent is away' };
  const { names: hosts, port } = publishedParts(address);
  const input = { host: hosts.at(-1) ?? '', port, timeoutMs: PROBE_TIMEOUT_MS, tls: { judge: true } };
  try {
    const { tcp, detail, tls } = await parts.agents.read({ cluster, node: name }, 'probe', input, {
      timeoutMs: PROBE_TIMEOUT_MS * 3,
    });
    const der = tls?.chain[0]?.der;
    if (der === undefined) return { names: [], problem: tls?.error || `${tcp}: ${detail}` };
    return { names: otherNamesOf(describeCertificate(Buffer.from(der, 'base64'))), problem: '' };
  } catch (error) {
    return { names: [], problem: messageOf(error) };
  }
};

const looksAt = async (
  parts: ObserveParts,
  { name: cluster, nodes }: ClusterObservation,
): Promise<ReadonlyMap<string, ServedNames>> => {
  const addresses = await publishAddresses(parts, cluster);
  const looks = nodes.map(
    async (node) => [node.name, await look(parts, cluster, node, addresses.get(node.name)?.transport)] as const,
  );
  return new Map(await Promise.all(looks));
};

/** Gathers what the planner of their removal looks at. Changes nothing. */
export const observeTrustRestrictions = async (
  parts: ObserveParts,
  cluster: string,
): Promise<TrustRestrictionFacts> => {
  const bare = await observeWhole(parts, cluster);
  const judged = bare.nodes.map((node) => {
    const paths = [restrictionsFile, restrictionsPath(node) ?? restrictionsFile];
    return withJudgedFiles(
      parts,
      cluster,
      node,
      [...new Set(paths)].filter((path) => !hasPlaceholder(path)),
    );
  });
  return { cluster: { ...bare, nodes: await Promise.all(judged) }, ports: await looksAt(parts, bare) };
};

const peersOf = async (parts: ObserveParts, cluster: string): Promise<Peer[]> => {
  const connections = (await parts.inventory.connections.list())
    .filter(isByCertificate)
    .filter(({ local, remote }) => local === cluster || remote === cluster);
  return Promise.all(
    connections.map(async ({ local, alias, remote }) => {
      const other = local === cluster ? remote : local;
      return {
        ...{ connection: `${local}/${alias}`, cluster: other },
        ports: await looksAt(parts, await observeWhole(parts, other)),
      };
    }),
  );
};

/** Gathers what the planner that restricts trust looks at. Changes nothing. */
export const observeRestricting = async (parts: ObserveParts, cluster: string): Promise<RestrictingFacts> => {
  const [facts, peers] = await Promise.all([observeTrustRestrictions(parts, cluster), peersOf(parts, cluster)]);
  return { ...facts, peers };
};
