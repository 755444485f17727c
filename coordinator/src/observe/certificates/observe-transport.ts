import { messageOf } from '@remora/shared/errors.ts';
import { anchorsOfChain } from '../../pki/anchor.ts';
import type { TransportFacts } from '../../plan/connect-certificate/facts.ts';
import { certificatesIn } from '../../plan/connect-certificate/trust.ts';
import type { NodeObservation } from '../../plan/facts.ts';
import type { SentAuthority } from '../../plan/place/facts.ts';
import { inStoreOf, trustsByStore } from '../../plan/place/trust.ts';
import { transportAuthorities } from '../../plan/trust/port-proof.ts';
import { withJudgedFiles } from '../judged-files.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { publishAddresses } from './observe-certificates.ts';
import { filesToJudge, observePorts, observeStores } from './observe-ports.ts';

type Seen = Pick<TransportFacts, 'ports' | 'stores'>;

/** CAs that a node trusts, as far as they are known whole. */
const trustedOn = (seen: Seen, node: NodeObservation): SentAuthority[] =>
  trustsByStore(node)
    ? inStoreOf(seen, node)
    : transportAuthorities(node).flatMap((path) => certificatesIn(node, path));

/** The CAs by which what a node serves is trusted, the nearest first; a clause that says why none is known. */
const anchorsAt = (
  { ports }: Seen,
  { name }: NodeObservation,
  trusted: readonly SentAuthority[],
): readonly [SentAuthority, ...SentAuthority[]] | string => {
  const port = ports.get(name);
  if (port?.certificatePem === undefined) return port?.problem || 'its agent did not see what the port serves';
  try {
    const chain = [port.certificatePem, ...port.issuers.map(({ pem }) => pem)];
    const found = anchorsOfChain(
      chain,
      trusted.map((one) => one.pem),
    );
    const [first, ...more] = found.flatMap((pem) => trusted.find((one) => one.pem === pem) ?? []);
    if (first !== undefined) return [first, ...more];
    return 'no CA file of the cluster holds the CA of its certificate, and no truststore one that a port sends: name that CA as a PEM file in xpack.security.transport.ssl.certificate_authorities';
  } catch (error) {
    return messageOf(error);
  }
};

/** Looks at the transport ports of a cluster: what they show, what the nodes trust there, and by which CA each is trusted. Changes nothing. */
export const observeTransport = async (parts: ObserveParts, cluster: string): Promise<TransportFacts> => {
  const looked = { cluster, purpose: 'transport' } as const;
  const [bare, published] = await Promise.all([observeWhole(parts, cluster), publishAddresses(parts, cluster)]);
  const [nodes, ports] = await Promise.all([
    Promise.all(bare.nodes.map((node) => withJudgedFiles(parts, cluster, node, filesToJudge(node, looked)))),
    observePorts(parts, looked, bare, published),
  ]);
  const stores = await observeStores(parts, looked, nodes);
  const trusted = nodes.flatMap((node) => trustedOn({ ports, stores }, node));
  const found = new Map(nodes.map((node) => [node.name, anchorsAt({ ports, stores }, node, trusted)]));
  return {
    ...{ cluster: { ...bare, nodes }, ports, stores },
    addresses: new Map([...published].flatMap(([name, { transport }]) => (transport ? [[name, transport]] : []))),
    anchors: new Map([...found].map(([name, all]) => [name, typeof all === 'string' ? all : all[0]])),
    waysIn: new Map(
      [...found].map(([name, all]) => [
        name,
        typeof all === 'string' ? [] : all.map(({ facts }) => facts.fingerprint256),
      ]),
    ),
  };
};
