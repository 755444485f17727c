import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import { isHandMadeServer } from '../adopted.ts';
import type { ClusterObservation, ConnectFacts, NodeObservation } from '../facts.ts';
import type { FoundByNode } from '../found-settings.ts';
import { trustSettings } from '../local-side.ts';
import { connectingNodes, fileSetting } from '../nodes.ts';
import { files } from '../placed-files.ts';
import type { Adopted, FoundSetting } from '../records.ts';
import { sslPrefix } from '../ssl.ts';
import { nodeKey } from '../steps.ts';
import { serverSettings } from './remote.ts';
import type { ServerWish } from './wanted.ts';

/** Settings that become others, with what stood there. */
export const changedSettings = (
  node: NodeObservation,
  wanted: Readonly<Record<string, SettingValue>>,
): Readonly<Record<string, FoundSetting>> =>
  Object.fromEntries(
    Object.entries(wanted).flatMap(([name, made]) => {
      const before = fileSetting(node, name) ?? null;
      return sameSettingValue(before, made) ? [] : [[name, { before, made }]];
    }),
  );

const isSeen = ({ agent }: NodeObservation): boolean => agent.state === 'online';

/** The same of the nodes that connect: what they trust is about to become something else. */
const foundTrust = (local: ClusterObservation): FoundByNode =>
  new Map(
    connectingNodes(local)
      .filter(isSeen)
      .map((node) => [nodeKey({ cluster: local.name, node: node.name }), changedSettings(node, trustSettings(node))]),
  );

/** Of a connection that was taken over, what stays as people made it is not changed. */
interface Changed {
  readonly servers: readonly ServerWish[];
  readonly adopted: Adopted | undefined;
}

/** What stands in elasticsearch.yml of the nodes of a connection where it is about to become something else. */
export const foundBefore = (
  { local, remote, certificates }: Pick<ConnectFacts, 'local' | 'remote' | 'certificates'>,
  { servers, adopted }: Changed,
): FoundByNode => {
  const isPem = ({ node }: ServerWish): boolean =>
    certificates.some((record) => record.node === node.name && record.key !== undefined);
  const keystore = { [`${sslPrefix.remote_cluster_server}.keystore.path`]: files.serverKeystore };
  const served = servers
    .filter(({ node }) => isSeen(node) && !(adopted?.server && isHandMadeServer(node, certificates)))
    .map((server): [string, Readonly<Record<string, FoundSetting>>] => [
      nodeKey({ cluster: remote.name, node: server.node.name }),
      changedSettings(server.node, { ...serverSettings(server), ...(isPem(server) ? {} : keystore) }),
    ]);
  return new Map([...served, ...(adopted?.trust ? [] : foundTrust(local))]);
};
