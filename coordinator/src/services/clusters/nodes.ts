import { RemoraError } from '@remora/shared/errors.ts';
import type { NodeView } from '@remora/shared/model/inventory.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import { signerId } from '../../plan/signing/signing-names.ts';
import type { Services } from '../../services.ts';
import type { Inventory } from '../../store/inventory.ts';
import type { NodeRecord } from '../../store/records.ts';
import { type LockOf, refuseWhileLocked } from './held-clusters.ts';

export interface NodeServiceParts
  extends Pick<Inventory, 'nodes' | 'restartTimes' | 'certificates' | 'signingCertificates'> {
  readonly gateway: Pick<Gateway, 'sessions' | 'disconnect'>;
  readonly lockOf: LockOf;
}

const viewOf = (record: NodeRecord, online: boolean): NodeView => ({
  name: record.node,
  cluster: record.cluster,
  agent: online ? 'online' : 'offline',
  agentVersion: record.agentVersion,
  lastSeen: record.lastSeen,
  elasticsearch: {
    running: record.running,
    version: record.version,
    nodeId: record.nodeId,
    config: record.configDir,
  },
});

/** Nodes that have an agent, with what it last said. */
export const nodeService = ({
  nodes,
  restartTimes,
  certificates,
  signingCertificates,
  gateway,
  lockOf,
}: NodeServiceParts): Services['nodes'] => {
  const find = async (name: string, cluster?: string): Promise<NodeRecord> => {
    const named = (await nodes.list()).filter((record) => record.node === name);
    const found = named.filter((record) => cluster === undefined || record.cluster === cluster);
    const [first, second] = found;
    if (first && second) {
      const clusters = found.map((record) => record.cluster).join(', ');
      throw new RemoraError('bad-input', `There is a node "${name}" in several clusters (${clusters}).`, {
        hint: 'Say which one is meant with --cluster NAME.',
      });
    }
    if (first) return first;
    const where = cluster === undefined ? '' : ` in cluster "${cluster}"`;
    throw new RemoraError('not-found', `There is no node "${name}"${where} that an agent has joined for.`, {
      hint: 'See `remora nodes list`.',
    });
  };
  return {
    async list() {
      const [records, online] = await Promise.all([nodes.list(), gateway.sessions.list()]);
      return records.map((record) => viewOf(record, online.has(nodeKey(record))));
    },
    async show(name, cluster) {
      const record = await find(name, cluster);
      return viewOf(record, await gateway.sessions.isOnline(record));
    },
    async remove(name, cluster, actor) {
      const record = await find(name, cluster);
      await refuseWhileLocked(lockOf, record.cluster, `Node ${record.node}`);
      // The certificate goes first: an agent that reconnects in between must not find its node gone but itself still welcome.
      await gateway.disconnect(record);
      await restartTimes.remove(nodeKey(record));
      const own = (await certificates.list()).filter((one) => nodeKey(one) === nodeKey(record));
      for (const { purpose } of own) await certificates.remove(`${nodeKey(record)}/${purpose}`);
      const signers = (await signingCertificates.list()).filter((one) => nodeKey(one) === nodeKey(record));
      for (const signer of signers) await signingCertificates.remove(signerId(signer));
      await nodes.remove(nodeKey(record), { actor, action: 'node.remove', target: nodeKey(record) });
    },
  };
};
