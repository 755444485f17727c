import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { isTold } from '../certificates/serial.ts';
import type { NodeObservation } from '../facts.ts';
import type { WantedFile, WantedNode } from '../node/node-change.ts';
import { itemsOf } from '../node/nodes.ts';
import { foundAuthorities, portFiles } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { CaRecord } from '../records.ts';
import { transportAuthorities } from '../trust/port-proof.ts';
import type { PlaceFacts, SentAuthority, StoredAuthority } from './facts.ts';

const AUTHORITIES = `${sslPrefix.transport}.certificate_authorities`;
const truststore = ['path', 'type', 'algorithm'].map((name) => `${sslPrefix.transport}.truststore.${name}`);

export const inStore = 'CA certificates that stood in the truststore';

const fingerprintsIn = ({ agent }: NodeObservation, path: string): string[] =>
  agent.state === 'online'
    ? (agent.facts.files.find((file) => file.path === path)?.certificates ?? []).map((one) => one.fingerprint256)
    : [];

/** Of these the ones that hold the CA. */
const holding = (node: NodeObservation, { facts }: CaRecord): string[] =>
  transportAuthorities(node).filter((path) => fingerprintsIn(node, path).includes(facts.fingerprint256));

/** Certificates in Remora's own bundle on a node that Remora does not know: a bundle could not be written with them. */
export const unknownInBundle = (node: NodeObservation, purpose: 'transport' | 'http', { cas }: PlaceFacts): boolean =>
  fingerprintsIn(node, portFiles[purpose].bundle).some(
    (fingerprint) => !cas.some(({ facts }) => facts.fingerprint256 === fingerprint),
  );

/** A PEM file with these certificates. */
export const bundleOf = (path: string, certificates: readonly SentAuthority[], what: string): WantedFile => {
  const sorted = [...certificates].sort((a, b) => a.facts.fingerprint256.localeCompare(b.facts.fingerprint256));
  const pem = sorted.map((one) => `${one.pem.trim()}\n`).join('');
  return {
    ...{ path, what, digest: null, mode: 0o644 },
    content: Buffer.from(pem).toString('base64'),
    source: what,
    certificates: sorted.map(({ facts }) => facts.fingerprint256),
    holds: sorted.map(({ facts }) => facts),
  };
};

/** The CAs that the nodes of a cluster have to trust in each other, or their agents in the nodes: the new one beside all that stand in the bundle. */
const ownBundle = (node: NodeObservation, ca: CaRecord, path: string, facts: PlaceFacts): WantedFile => {
  const held = fingerprintsIn(node, path);
  const issuing = new Set([ca.name, ...facts.certificates.map((record) => record.ca)]);
  const wanted = facts.cas.filter(({ name, facts: its }) => issuing.has(name) || held.includes(its.fingerprint256));
  const names = wanted.map(({ name }) => name).sort();
  return bundleOf(
    path,
    wanted.map((one) => ({ facts: one.facts, pem: one.certificatePem })),
    `CA certificates of ${names.join(', ')}`,
  );
};

/** The CAs in a node's store, as far as a port of the cluster sends them: only of these the whole certificate is known. What a port sends and no store holds is nobody's trust. */
export const inStoreOf = (
  { ports, stores }: Pick<PlaceFacts, 'ports' | 'stores'>,
  node: Pick<NodeObservation, 'name'>,
): SentAuthority[] => {
  const stored = stores.get(node.name) ?? [];
  if (typeof stored === 'string') return [];
  const sent = [...ports.values()].flatMap(({ issuers }) => issuers);
  const held = sent.filter(({ facts }) => stored.some((one) => isTold(one, facts)));
  return [...new Map(held.map((one) => [one.facts.fingerprint256, one])).values()];
};

/** CAs that a node trusts by its store and that would be lost with it. */
export const lostAuthorities = (
  facts: Pick<PlaceFacts, 'ports' | 'stores'>,
  node: Pick<NodeObservation, 'name'>,
): StoredAuthority[] => {
  const stored = facts.stores.get(node.name) ?? [];
  const kept = inStoreOf(facts, node);
  return typeof stored === 'string' ? [] : stored.filter((one) => !kept.some((whole) => isTold(one, whole.facts)));
};

/** Whether what a node trusts stands nowhere as PEM: in a truststore, or in its own keystore. */
export const trustsByStore = (node: NodeObservation): boolean => transportAuthorities(node).length === 0;

/**
 * What a node needs so that it trusts the CA beside all that it trusted before; null where its elasticsearch.yml names a file that holds the CA. What serves remote
 * clusters is trusted by others, who have to trust the CA before.
 */
export const wantedTrust = (
  node: NodeObservation,
  ca: CaRecord,
  request: PlaceRequest,
  facts: PlaceFacts,
): Omit<WantedNode, 'keystorePassword'> | null => {
  if (request.purpose === 'remote_cluster_server') return null;
  const bundle = ownBundle(node, ca, portFiles[request.purpose].bundle, facts);
  if (request.purpose === 'http') return { files: [bundle], settings: {}, keystore: {} };
  const named = transportAuthorities(node);
  const others = holding(node, ca).filter((path) => path !== bundle.path);
  if (others.length > 0 && !named.includes(bundle.path)) return null;
  const byStore = trustsByStore(node);
  const list = [...(byStore ? [foundAuthorities] : named), ...(named.includes(bundle.path) ? [] : [bundle.path])];
  return {
    files: [...(byStore ? [bundleOf(foundAuthorities, inStoreOf(facts, node), inStore)] : []), bundle],
    settings: { [AUTHORITIES]: list },
    without: truststore,
    keystore: {},
  };
};

/** The PEM files that a node's elasticsearch.yml will name, and of these the ones that hold the CA. */
export const trustAfter = (
  node: NodeObservation,
  wanted: Pick<WantedNode, 'settings' | 'files'> | null,
  ca: CaRecord,
): { readonly named: readonly string[]; readonly holding: readonly string[] } => {
  const list = wanted?.settings[AUTHORITIES];
  const named = list === undefined ? transportAuthorities(node) : itemsOf(list);
  const placed = (wanted?.files ?? []).flatMap(({ path, certificates = [] }) =>
    certificates.includes(ca.facts.fingerprint256) ? [path] : [],
  );
  return { named, holding: [...new Set([...holding(node, ca), ...placed])] };
};
