import type { SettingValue } from '@remora/shared/settings.ts';
import { isTold } from '../certificates/serial.ts';
import type { FoundSetting } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { changedSettings } from '../node/found-settings.ts';
import type { WantedFile, WantedNode } from '../node/node-change.ts';
import { fileSetting } from '../node/nodes.ts';
import { foundAuthorities, portFiles } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { SentAuthority } from '../place/facts.ts';
import { bundleOf, inStore, inStoreOf, trustsByStore } from '../place/trust.ts';
import type { KnownAuthority } from '../trust/deployment-trust.ts';
import { transportAuthorities } from '../trust/port-proof.ts';
import type { TransportFacts } from './facts.ts';

/** The CAs of the transport ports of other clusters, on each node. */
export const BUNDLE = portFiles.transport.remotes;
export const AUTHORITIES = `${sslPrefix.transport}.certificate_authorities`;
/** Elasticsearch takes none of these beside PEM files. */
export const truststore = ['path', 'type', 'algorithm'].map((name) => `${sslPrefix.transport}.truststore.${name}`);

const pemOf = (der: string): string =>
  `-----BEGIN CERTIFICATE-----\n${(der.match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;

/** The certificates of a PEM file of a node, as its agent read them. */
export const certificatesIn = ({ agent }: NodeObservation, path: string): SentAuthority[] => {
  const found = agent.state === 'online' ? agent.facts.files.find((file) => file.path === path) : undefined;
  return (found?.certificates ?? []).map(({ der = '', ...facts }) => ({ facts, pem: pemOf(der) }));
};

/** Whether elasticsearch.yml names Remora's file of other clusters' CAs. */
export const isConfigured = (node: NodeObservation): boolean => transportAuthorities(node).includes(BUNDLE);

/** SHA-256 of the CAs in the PEM files that a node names for its transport port, but for Remora's file of other clusters' CAs. */
export const heldElsewhere = (node: NodeObservation): string[] =>
  transportAuthorities(node)
    .filter((path) => path !== BUNDLE)
    .flatMap((path) => certificatesIn(node, path).map(({ facts }) => facts.fingerprint256));

/** Whether a node trusts a CA on its transport port by something else than that file; of a store see `isTold`. */
export const isHeldElsewhere = (
  { stores }: Pick<TransportFacts, 'stores'>,
  node: NodeObservation,
  { facts }: { readonly facts: KnownAuthority },
): boolean => {
  const stored = stores.get(node.name) ?? [];
  if (trustsByStore(node)) return typeof stored !== 'string' && stored.some((one) => isTold(one, facts));
  return heldElsewhere(node).includes(facts.fingerprint256);
};

const distinct = (certificates: readonly SentAuthority[]): SentAuthority[] => [
  ...new Map(certificates.map((one) => [one.facts.fingerprint256, one])).values(),
];

/** The CAs by which other clusters have to know the nodes of a cluster, each once; of a node whose CA is not known none. */
export const anchorsOf = ({ anchors }: Pick<TransportFacts, 'anchors'>): SentAuthority[] =>
  distinct([...anchors.values()].filter((one) => typeof one !== 'string'));

export const bundleFile = (certificates: readonly SentAuthority[]): WantedFile =>
  bundleOf(BUNDLE, certificates, 'CA certificates of the transport ports of connected clusters');

/**
 * What a node needs so that it trusts these CAs of another cluster beside all that it trusted before; null where it trusts them already. CAs of further clusters that
 * stand in the file stay there.
 */
export const wantedAnchors = (
  facts: Pick<TransportFacts, 'ports' | 'stores'>,
  node: NodeObservation,
  authorities: readonly SentAuthority[],
): Omit<WantedNode, 'keystorePassword'> | null => {
  const missing = authorities.filter((one) => !isHeldElsewhere(facts, node, one));
  const configured = isConfigured(node);
  if (missing.length === 0 && !configured) return null;
  const bundle = bundleFile(distinct([...(configured ? certificatesIn(node, BUNDLE) : []), ...missing]));
  const byStore = trustsByStore(node);
  const named = byStore ? [foundAuthorities] : transportAuthorities(node);
  return {
    files: [...(byStore ? [bundleOf(foundAuthorities, inStoreOf(facts, node), inStore)] : []), bundle],
    settings: { [AUTHORITIES]: configured ? named : [...named, BUNDLE] },
    without: truststore,
    keystore: {},
  };
};

/** What stands in a node's elasticsearch.yml where that makes it something else, with what it becomes. */
export const foundOnNode = (
  node: NodeObservation,
  wanted: Omit<WantedNode, 'keystorePassword'> | null,
): Readonly<Record<string, FoundSetting>> => {
  if (wanted === null) return {};
  const gone = (wanted.without ?? []).flatMap((name): [string, FoundSetting][] => {
    const before: SettingValue | null = fileSetting(node, name) ?? null;
    return before === null ? [] : [[name, { before, made: null }]];
  });
  return { ...changedSettings(node, wanted.settings), ...Object.fromEntries(gone) };
};
