import { stageIds as disconnecting } from '../disconnect/stages.ts';
import type { Stage } from '../steps.ts';

export const stageIds = {
  localFiles: 'local-files',
  localRoll: 'local-roll',
  handshakes: 'handshakes',
  both: 'both-ports',
  credentials: 'credentials',
  reload: 'reload',
  proof: 'prove',
  alias: 'alias',
  proofAlone: 'prove-alone',
  record: 'record',
  distrustLocalFiles: `distrust-${disconnecting.localFiles}`,
  distrustLocalRoll: `distrust-${disconnecting.localRoll}`,
  distrustRemoteFiles: `distrust-${disconnecting.remoteFiles}`,
  distrustRemoteRoll: `distrust-${disconnecting.remoteRoll}`,
  end: 'end',
  roles: 'roles',
} as const;

/** Of the changes of nodes; see `node.change`. The trust between transport ports goes last, so it is back first; credentials go before what they rely on. */
export const phases = { credentials: 2, distrust: 3 } as const;

/** The key comes first, which Elasticsearch may refuse; all that takes restarts before the switch, or after its proof. */
export const stages: readonly Stage[] = [
  { id: 'prepare', title: 'Prepare', mode: 'serial' },
  { id: 'api-key', title: 'Cross-cluster API key', mode: 'serial' },
  { id: 'certificates', title: 'Issue certificates', mode: 'parallel' },
  { id: 'remote-files', title: 'Place files on the remote cluster', mode: 'parallel' },
  { id: 'remote-roll', title: 'Roll the remote cluster', mode: 'roll' },
  { id: 'remote-verify', title: 'Verify the remote cluster server', mode: 'parallel' },
  { id: stageIds.localFiles, title: 'Place files on the local cluster', mode: 'parallel' },
  { id: stageIds.localRoll, title: 'Roll the local cluster', mode: 'roll' },
  { id: stageIds.handshakes, title: 'Try the new way', mode: 'parallel' },
  { id: stageIds.both, title: 'Have the alias lead both ways', mode: 'serial' },
  { id: stageIds.credentials, title: 'Place the credential on the local cluster', mode: 'parallel' },
  { id: stageIds.reload, title: 'Reload secure settings', mode: 'parallel' },
  { id: stageIds.proof, title: 'Prove the new way', mode: 'serial' },
  { id: stageIds.alias, title: 'Have the alias lead the new way alone', mode: 'serial' },
  { id: stageIds.proofAlone, title: 'Prove it alone', mode: 'serial' },
  { id: stageIds.record, title: 'Record', mode: 'serial' },
  { id: stageIds.distrustLocalFiles, title: 'Remove trust from the local cluster', mode: 'parallel' },
  { id: stageIds.distrustLocalRoll, title: 'Roll the local cluster without it', mode: 'roll' },
  { id: stageIds.distrustRemoteFiles, title: 'Remove trust from the remote cluster', mode: 'parallel' },
  { id: stageIds.distrustRemoteRoll, title: 'Roll the remote cluster without it', mode: 'roll' },
  { id: stageIds.end, title: 'Prove and record', mode: 'serial' },
  { id: stageIds.roles, title: 'Remove roles from the remote cluster', mode: 'serial' },
];

/**
 * With two ways open nodes reload one after the other: while one connects anew searches cross from the others. Through a proxy all of them are cut off from their reload
 * to the alias's next address, so they reload at once.
 */
export const stagesIn = (mode: 'sniff' | 'proxy'): readonly Stage[] =>
  stages.map((stage) => (stage.id === stageIds.reload && mode === 'sniff' ? { ...stage, mode: 'serial' } : stage));
