import { X509Certificate } from 'node:crypto';
import { messageOf } from '@remora/shared/errors.ts';
import type { SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';
import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { pemFilesToRead } from '../../plan/certificates/pem.ts';
import { publishedParts } from '../../plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import { hasPlaceholder, isSamePath } from '../../plan/node/loaded.ts';
import { fileSetting, itemsOf } from '../../plan/node/nodes.ts';
import { sslPrefix } from '../../plan/node/ssl.ts';
import type { PlaceFacts, PortObservation, SentAuthority, StoredAuthority } from '../../plan/place/facts.ts';
import { trustsByStore } from '../../plan/place/trust.ts';
import { otherNamesOf } from '../../plan/trust/other-names.ts';
import { transportAuthorities } from '../../plan/trust/port-proof.ts';
import { restrictionsPath } from '../../plan/trust/restrictions.ts';
import type { ObserveParts } from '../observe-nodes.ts';
import type { PublishAddresses } from './observe-certificates.ts';
import { configuredCertificates } from './ssl-certificates.ts';

const PROBE_TIMEOUT_MS = 5000;

/** What is looked at: the ports of this purpose of a cluster's nodes. */
type Looked = Pick<PlaceRequest, 'cluster' | 'purpose'>;

/** Files that tell more when they are judged: the PEM files of CAs and of the port's certificate and key, and whom trust restrictions let in. */
export const filesToJudge = (node: NodeObservation, { purpose }: Pick<PlaceRequest, 'purpose'>): string[] => {
  const restrictions = purpose === 'transport' ? [restrictionsPath(node) ?? []].flat() : [];
  const named = [...transportAuthorities(node), ...restrictions].filter((path) => !hasPlaceholder(path));
  return [...new Set([...named, ...pemFilesToRead(node, purpose)])];
};

const sentAuthority = ({ der, ...facts }: SeenCertificate): SentAuthority[] =>
  der === undefined ? [] : [{ facts, pem: new X509Certificate(Buffer.from(der, 'base64')).toString() }];

const unseen = { fingerprint256: null, sans: [], issuers: [] } as const;

const look = async (
  parts: ObserveParts,
  cluster: string,
  { name, agent }: NodeObservation,
  address: string | undefined,
): Promise<PortObservation> => {
  if (address === undefined) return { ...unseen, names: [], problem: 'the node publishes none' };
  const { names, port } = publishedParts(address);
  if (agent.state !== 'online') return { ...unseen, names, problem: 'its agent is away' };
  const input = { host: names.at(-1) ?? '', port, timeoutMs: PROBE_TIMEOUT_MS, tls: { judge: true } };
  try {
    const { tcp, detail, tls } = await parts.agents.read({ cluster, node: name }, 'probe', input, {
      timeoutMs: PROBE_TIMEOUT_MS * 3,
    });
    const [leaf, ...issuers] = tls?.chain ?? [];
    if (!leaf) return { ...unseen, names, problem: tls?.error ?? `${tcp}: ${detail}` };
    const isOwn = issuers.length === 0 && leaf.subject === leaf.issuer;
    const { sans, fingerprint256 } = leaf;
    const [certificatePem] = sentAuthority(leaf).map(({ pem }) => pem);
    return {
      ...{ names, fingerprint256, sans, issuers: (isOwn ? [leaf] : issuers).flatMap(sentAuthority), problem: '' },
      ...(certificatePem === undefined
        ? {}
        : { certificatePem, otherNames: otherNamesOf(describeCertificate(certificatePem)) }),
    };
  } catch (error) {
    return { ...unseen, names, problem: messageOf(error) };
  }
};

export const observePorts = async (
  parts: ObserveParts,
  { cluster, purpose }: Looked,
  { nodes }: ClusterObservation,
  addresses: ReadonlyMap<string, PublishAddresses>,
): Promise<Map<string, PortObservation>> => {
  return new Map(
    await Promise.all(
      nodes.map(
        async (node): Promise<[string, PortObservation]> => [
          node.name,
          await look(parts, cluster, node, addresses.get(node.name)?.[purpose]),
        ],
      ),
    ),
  );
};

/** What a node trusts by a truststore, or by its keystore where it has none. */
const storedAuthorities = async (
  parts: ObserveParts,
  cluster: string,
  node: NodeObservation,
): Promise<readonly StoredAuthority[] | string> => {
  if (node.agent.state !== 'online') return 'its agent is away';
  const named = (what: string) => itemsOf(fileSetting(node, `${sslPrefix.transport}.${what}.path`));
  const [path] = [...named('truststore'), ...named('keystore')];
  if (path === undefined) return 'its elasticsearch.yml names no keystore';
  try {
    const all = await configuredCertificates(parts, { cluster, node: node.name });
    return all
      .filter((one) => !one.hasPrivateKey && isSamePath(one.path, path, node))
      .map(({ subject, issuer, serial, notAfter }) => ({ subject, issuer, serial, notAfter }));
  } catch (error) {
    return messageOf(error);
  }
};

export const observeStores = async (
  parts: ObserveParts,
  { cluster, purpose }: Looked,
  nodes: readonly NodeObservation[],
): Promise<PlaceFacts['stores']> => {
  const asked = purpose === 'transport' ? nodes.filter(trustsByStore) : [];
  const looks = asked.map(async (node) => [node.name, await storedAuthorities(parts, cluster, node)] as const);
  return new Map(await Promise.all(looks));
};
