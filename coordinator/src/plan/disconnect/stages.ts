import type { Stage } from '../steps.ts';

export const stageIds = {
  alias: 'alias',
  lines: 'lines',
  credentials: 'credentials',
  reload: 'reload',
  keys: 'api-key',
  signingTrust: 'signing-trust',
  signingFiles: 'signing-files',
  localFiles: 'local-files',
  localRoll: 'local-roll',
  remoteFiles: 'remote-files',
  remoteRoll: 'remote-roll',
  distrustFiles: 'distrust-remote-files',
  distrustRoll: 'distrust-remote-roll',
  away: 'away',
  awayReload: 'away-reload',
  roles: 'roles',
  end: 'end',
} as const;

/**
 * First nothing asks over the alias any more, then no node has the credential, then nobody gets in with the key: only then what takes restarts, and whatever may have to
 * wait for a gate. A node that has the alias in its elasticsearch.yml asks over it until it is restarted, so there all of it goes at once. Nodes that are away come last, since nothing else waits for them.
 */
export const stages: readonly Stage[] = [
  { id: stageIds.alias, title: 'Remove the alias', mode: 'serial' },
  { id: stageIds.lines, title: 'Take the alias out of elasticsearch.yml', mode: 'roll' },
  { id: stageIds.credentials, title: 'Remove the credential from the local cluster', mode: 'parallel' },
  { id: stageIds.reload, title: 'Reload secure settings', mode: 'parallel' },
  { id: stageIds.keys, title: 'Invalidate the API key', mode: 'serial' },
  { id: stageIds.signingTrust, title: 'Take no more signatures', mode: 'serial' },
  { id: stageIds.signingFiles, title: 'Remove the signing CA from the remote cluster', mode: 'parallel' },
  { id: stageIds.localFiles, title: 'Remove files from the local cluster', mode: 'parallel' },
  { id: stageIds.localRoll, title: 'Roll the local cluster', mode: 'roll' },
  { id: stageIds.remoteFiles, title: 'Remove files from the remote cluster', mode: 'parallel' },
  { id: stageIds.remoteRoll, title: 'Roll the remote cluster', mode: 'roll' },
  { id: stageIds.distrustFiles, title: 'Remove trust from the remote cluster', mode: 'parallel' },
  { id: stageIds.distrustRoll, title: 'Roll the remote cluster without it', mode: 'roll' },
  { id: stageIds.away, title: 'Remove the credential from nodes that were away', mode: 'parallel' },
  { id: stageIds.awayReload, title: 'Reload their secure settings', mode: 'parallel' },
  { id: stageIds.roles, title: 'Remove roles from the remote cluster', mode: 'serial' },
  { id: stageIds.end, title: 'Records', mode: 'serial' },
];
