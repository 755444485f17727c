import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import {
  AUTHORITIES,
  BUNDLE,
  foundOnNode,
  isHeldElsewhere,
  truststore,
  wantedAnchors,
} from '../connect-certificate/trust.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import type { CertificateConnectionRecord } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { agentFindings, type Finding, nodesAbsent, settingsFileUneditable } from '../node/agent-findings.ts';
import { type FoundByNode, withFound } from '../node/found-settings.ts';
import { changeOf } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { sslPrefix } from '../node/ssl.ts';
import { rollOrder } from '../order.ts';
import type { CaRecord } from '../records.ts';
import type { AnyStep, Stage } from '../steps.ts';
import type { PlaceFacts, SentAuthority, TrustingCluster } from './facts.ts';
import { restrictionFindings } from './restricted.ts';
import { storeFindings } from './store.ts';

/** Before anything of the cluster itself: what its nodes serve is trusted by those who are connected with it by certificates. */
export const peerStages: readonly Stage[] = [
  { id: 'peers-record', title: 'Put on record what connected clusters trust', mode: 'serial' },
  { id: 'peers-roll', title: 'Have connected clusters trust the CA', mode: 'roll' },
  { id: 'peers-files', title: 'Place the CA on connected clusters', mode: 'parallel' },
  { id: 'peers-verify', title: 'Prove that connected clusters trust it', mode: 'parallel' },
];

const sentAuthority = ({ facts, certificatePem }: CaRecord): SentAuthority => ({ facts, pem: certificatePem });

/** Files by which the process of a node may know the CA. */
const pathsOf = (node: NodeObservation): string[] => {
  const named = [AUTHORITIES, ...truststore.filter((name) => name.endsWith('.path'))];
  const paths = named.flatMap((name) => itemsOf(fileSetting(node, name)));
  // A node that names neither trusts what stands in its keystore.
  const stores = paths.length > 0 ? paths : itemsOf(fileSetting(node, `${sslPrefix.transport}.keystore.path`));
  return [...new Set([...stores, BUNDLE])];
};

/** The connection with what the nodes of the other cluster are given. */
const recordWith = (
  connection: CertificateConnectionRecord,
  { facts }: TrustingCluster,
  { ca, found }: { readonly ca: CaRecord; readonly found: FoundByNode },
): CertificateConnectionRecord => {
  const side = connection.local === facts.cluster.name ? 'local' : 'remote';
  const { found: standing, trusts } = connection;
  const given = [...new Set([...trusts[side], ca.facts.fingerprint256])].sort();
  // In its own order: records are compared as texts.
  return { ...connection, trusts: { ...trusts, [side]: given }, ...withFound(standing, found) };
};

const recordSteps = (peer: TrustingCluster, ca: CaRecord): AnyStep[] => {
  const { facts, connections } = peer;
  const authority = sentAuthority(ca);
  const { name, nodes } = facts.cluster;
  if (nodes.every((node) => isHeldElsewhere(facts, node, authority))) return [];
  const found: FoundByNode = new Map(
    nodes.map((node) => [
      nodeKey({ cluster: name, node: node.name }),
      foundOnNode(node, wantedAnchors(facts, node, [authority])),
    ]),
  );
  return connections.flatMap((connection, index): AnyStep[] => {
    // What stood there before is kept once: with a connection that goes it goes over to another one.
    const wanted = recordWith(connection, peer, { ca, found: index === 0 ? found : new Map() });
    if (JSON.stringify(wanted) === JSON.stringify(connection)) return [];
    return [
      {
        ...{ id: `record-${connection.local}.${connection.alias}`, kind: 'connection.record', target: 'coordinator' },
        ...{ effect: 'none', stage: 'peers-record', diff: connectionDiff(connection, wanted) },
        ...{ reason: `the nodes of ${name} get a further CA to trust`, input: { connection: wanted } },
      },
    ];
  });
};

/** Has the nodes of connected clusters trust a CA beside all that they trust, and proves that they have loaded it. */
export const peerSteps = ({ peers, secretVersions }: PlaceFacts, ca: CaRecord): AnyStep[] =>
  peers.flatMap((peer): AnyStep[] => {
    const { facts } = peer;
    const { cluster } = facts;
    const trust = rollOrder(cluster.nodes).flatMap((node): AnyStep[] => {
      const wanted = wantedAnchors(facts, node, [sentAuthority(ca)]);
      if (wanted === null || node.agent.state !== 'online') return [];
      const keystorePassword = keystorePasswordReference({ secretVersions }, cluster.name, node.name);
      const change = changeOf(node, node.agent.facts, { ...wanted, keystorePassword });
      if (change === null) return [];
      const effect = change.restart ? 'restart' : 'file';
      const stages = { roll: 'peers-roll', files: 'peers-files' };
      return [nodeStep({ cluster, node, change, effect, stages, prefix: 'trust' })];
    });
    const loaded = cluster.nodes.map(
      (node): AnyStep => ({
        ...{ id: `verify-trust-${cluster.name}.${node.name}`, kind: 'peer-trust.verify', target: node.name },
        ...{ effect: 'none', diff: '', stage: 'peers-verify' },
        reason: `it must have loaded CA ${ca.name} before a node that it is connected with serves a certificate of it`,
        input: { cluster: cluster.name, node: node.name, paths: pathsOf(node), ca: ca.facts },
      }),
    );
    return [...recordSteps(peer, ca), ...trust, ...loaded];
  });

const nodeFindings = (
  node: NodeObservation,
  { facts }: TrustingCluster,
  request: PlaceRequest,
  all: PlaceFacts,
): Finding[] => {
  const { cluster } = facts;
  const found = agentFindings(node, cluster);
  if (found.length > 0) return found;
  const uneditable = settingsFileUneditable(node, cluster);
  if (uneditable !== null) return [['settings-file', uneditable]];
  const where = `node ${node.name} (cluster ${cluster.name})`;
  const ca = all.cas.find(({ name }) => name === request.ca);
  // A store that holds the CA already stays as it is, with all that stands in it.
  const isChanged = ca !== undefined && wantedAnchors(facts, node, [sentAuthority(ca)]) !== null;
  return [
    ...(isChanged ? storeFindings(node, where, facts) : []),
    ...restrictionFindings(node, where, request, all),
    ...reloadFindings(node, cluster),
  ];
};

/** What forbids that connected clusters trust the CA: then their connections would break. */
export const peerFindings = (request: PlaceRequest, facts: PlaceFacts): Finding[] =>
  facts.peers.flatMap((peer) => {
    const { cluster } = peer.facts;
    const absent = nodesAbsent(cluster);
    return [
      ...(absent === null ? [] : [['preflight-failed', absent] as const]),
      ...cluster.nodes.flatMap((node) => nodeFindings(node, peer, request, facts)),
    ];
  });
