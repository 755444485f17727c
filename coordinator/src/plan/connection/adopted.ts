import type { ClusterObservation, ConnectFacts, NodeObservation } from '../facts.ts';
import { connectingNodes, fileSetting } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { CaRecord, CertificateRecord } from '../records.ts';
import { inCluster } from './alias-place.ts';
import {
  type Adopted,
  type AnyConnectionRecord,
  adoptedIn,
  type ConnectionRecord,
  casOf,
} from './connection-records.ts';

/** What stays as people made it, of a connection by its name; undefined of one that was not taken over. */
export const adoptedOf = (
  { connections }: Pick<ConnectFacts, 'connections'>,
  { local, alias }: Pick<ConnectionRecord, 'local' | 'alias'>,
): Adopted | undefined => adoptedIn(connections.find((one) => one.local === local && one.alias === alias));

const certificateSettings = ['keystore.path', 'certificate'].map(
  (name) => `${sslPrefix.remote_cluster_server}.${name}`,
);

/** Whether people set up the remote cluster server of a node: it serves, or names a certificate for that, and none of Remora's is on record. */
export const isHandMadeServer = (
  node: NodeObservation,
  certificates: readonly Pick<CertificateRecord, 'node'>[],
): boolean =>
  !certificates.some((record) => record.node === node.name) &&
  (node.remoteClusterServer !== null || certificateSettings.some((name) => (fileSetting(node, name) ?? null) !== null));

/** Whether Remora's bundle on a node holds a CA. */
export const holdsInBundle = ({ agent }: NodeObservation, fingerprint256: string): boolean =>
  agent.state === 'online' &&
  agent.facts.files.some(
    ({ path, certificates }) =>
      path === files.caBundle && certificates.some((certificate) => certificate.fingerprint256 === fingerprint256),
  );

/**
 * Connections of a local cluster whose CA its bundle shall hold. One that was taken over and is trusted by files of others needs no place there; but where its CA stands
 * in the bundle of some node, that node may trust by it.
 */
export const bundledConnections = (
  connections: readonly AnyConnectionRecord[],
  local: ClusterObservation | undefined,
  cas: readonly CaRecord[],
): readonly AnyConnectionRecord[] => {
  const nodes = local === undefined ? [] : connectingNodes(local, inCluster);
  const isHeld = (name: string): boolean => {
    const fingerprint = cas.find((ca) => ca.name === name)?.facts.fingerprint256;
    return fingerprint !== undefined && nodes.some((node) => holdsInBundle(node, fingerprint));
  };
  return connections.filter((one) => !adoptedIn(one)?.trust || casOf(one).some(isHeld));
};
