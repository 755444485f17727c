import { isHandMadeServer } from '../connection/adopted.ts';
import type { AliasWish } from '../connection/alias.ts';
import type { Adopted, FoundSetting } from '../connection/connection-records.ts';
import { foundOnNodes, trustSettings } from '../connection/local-side.ts';
import { wantedLines } from '../connection/static-alias.ts';
import type { ConnectFacts, NodeObservation } from '../facts.ts';
import { changedSettings, type FoundByNode } from '../node/found-settings.ts';
import { nodeKey } from '../node/node-id.ts';
import { files } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import { serverSettings } from './remote.ts';
import type { ServerWish } from './wanted.ts';

const isSeen = ({ agent }: NodeObservation): boolean => agent.state === 'online';

/** Of a connection that was taken over, what stays as people made it is not changed. */
interface Changed {
  readonly servers: readonly ServerWish[];
  readonly adopted: Adopted | undefined;
  readonly wish: Omit<AliasWish, 'local'>;
}

/** What stands in elasticsearch.yml of the nodes of a connection where it is about to become something else. */
export const foundBefore = (
  { local, remote, certificates }: Pick<ConnectFacts, 'local' | 'remote' | 'certificates'>,
  { servers, adopted, wish }: Changed,
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
  const connecting = foundOnNodes(local, wish.place, (node) => ({
    ...(adopted?.trust ? {} : trustSettings(node)),
    ...wantedLines(wish, node).settings,
  }));
  return new Map([...served, ...connecting]);
};
