import { messageOf } from '@remora/shared/errors.ts';
import type {
  CloudDeployment,
  TrustRestrictionsRequest,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { describeCertificate, parsePemBundle } from '../../pki/describe.ts';
import type { TransportFacts } from '../../plan/connect-certificate/facts.ts';
import { isByCertificate } from '../../plan/connection/connection-records.ts';
import { publishedParts } from '../../plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import type { SentAuthority } from '../../plan/place/facts.ts';
import { otherNamesOf } from '../../plan/trust/other-names.ts';
import { restrictionsFile, restrictionsPath } from '../../plan/trust/restrictions.ts';
import type {
  DeploymentAuthority,
  Peer,
  RestrictingFacts,
  ServedNames,
  TrustRestrictionFacts,
} from '../../plan/trust-restrictions/facts.ts';
import { withJudgedFiles } from '../judged-files.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { publishAddresses } from './observe-certificates.ts';
import { observeTransport } from './observe-transport.ts';

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

/** What the ports of a cluster were seen to serve, by the names in it. */
const namesAt = ({ ports }: TransportFacts): ReadonlyMap<string, ServedNames> =>
  new Map(
    [...ports].map(([node, { otherNames, problem }]): [string, ServedNames] => [
      node,
      otherNames === undefined
        ? { names: [], problem: problem || 'its agent did not see what the port serves' }
        : { names: otherNames, problem: '' },
    ]),
  );

/** Gathers what the planners of their removal look at. Changes nothing. */
export const observeTrustRestrictions = async (
  parts: ObserveParts,
  cluster: string,
): Promise<TrustRestrictionFacts> => {
  const [bare, trusts, connections] = await Promise.all([
    observeTransport(parts, cluster),
    parts.inventory.deploymentTrusts.list(),
    parts.inventory.connections.list(),
  ]);
  const nodes = await Promise.all(
    bare.cluster.nodes.map((node) =>
      // The file that is named was judged with those of CAs.
      restrictionsPath(node) === restrictionsFile ? node : withJudgedFiles(parts, cluster, node, [restrictionsFile]),
    ),
  );
  const transport = { ...bare, cluster: { ...bare.cluster, nodes } };
  const trusted = trusts.filter((one) => one.cluster === cluster);
  return { cluster: transport.cluster, ports: namesAt(transport), transport, trusted, connections };
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

const sentAuthority = (pem: string): SentAuthority => {
  const { selfSigned: _, isCa: __, ...facts } = describeCertificate(pem);
  return { facts, pem };
};

const deploymentAuthority = async (
  parts: ObserveParts,
  { cloud, deployment }: CloudDeployment,
): Promise<DeploymentAuthority> => {
  const { certificates, restriction } = await (await parts.cloud(cloud)).authority(deployment);
  return {
    cloud,
    deployment,
    pattern: restriction,
    authorities: certificates.flatMap((pem) => parsePemBundle(pem)).map(sentAuthority),
  };
};

/** Gathers what the planner that restricts trust looks at. Changes nothing. */
export const observeRestricting = async (
  parts: ObserveParts,
  { cluster, deployments: asked = [] }: TrustRestrictionsRequest,
): Promise<RestrictingFacts> => {
  const [facts, peers, deployments] = await Promise.all([
    observeTrustRestrictions(parts, cluster),
    peersOf(parts, cluster),
    Promise.all(asked.map((one) => deploymentAuthority(parts, one))),
  ]);
  return { ...facts, peers, deployments };
};
