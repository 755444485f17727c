import { messageOf } from '@remora/shared/errors.ts';
import { describeCertificate } from '../pki/describe.ts';
import type { NodeObservation } from '../plan/facts.ts';
import { hasPlaceholder } from '../plan/loaded.ts';
import { otherNamesOf } from '../plan/other-names.ts';
import { publishedParts } from '../plan/published-address.ts';
import { restrictionsFile, restrictionsPath } from '../plan/restrictions.ts';
import type { ServedNames, TrustRestrictionFacts } from '../plan/trust-restrictions/facts.ts';
import { withJudgedFiles } from './judged-files.ts';
import { publishAddresses } from './observe-certificates.ts';
import { type ObserveParts, observeWhole } from './observe-nodes.ts';

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

/** Gathers what the planners of trust restrictions look at. Changes nothing. */
export const observeTrustRestrictions = async (
  parts: ObserveParts,
  cluster: string,
): Promise<TrustRestrictionFacts> => {
  const [bare, addresses] = await Promise.all([observeWhole(parts, cluster), publishAddresses(parts, cluster)]);
  const looks = bare.nodes.map(
    async (node) => [node.name, await look(parts, cluster, node, addresses.get(node.name)?.transport)] as const,
  );
  const judged = bare.nodes.map((node) => {
    const paths = [restrictionsFile, restrictionsPath(node) ?? restrictionsFile];
    return withJudgedFiles(
      parts,
      cluster,
      node,
      [...new Set(paths)].filter((path) => !hasPlaceholder(path)),
    );
  });
  return { cluster: { ...bare, nodes: await Promise.all(judged) }, ports: new Map(await Promise.all(looks)) };
};
