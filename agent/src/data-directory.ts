import { chmod, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

/** Where everything of one agent lies. The directory is 0700; nothing in it is read by anybody else. */
export interface DataDirectory {
  readonly path: string;
  readonly config: string;
  /** Certificate and key of the agent, in one file. */
  readonly identity: string;
  /** The same before the last renewal. */
  readonly previousIdentity: string;
  /** Where agents that joined before certificates were renewed have them. */
  readonly joinedEarlier: { readonly key: string; readonly certificate: string };
  /** The key of a join that has not been answered yet: a lost answer is asked for again with the same key. */
  readonly pendingKey: string;
  readonly fleetCa: string;
  readonly lock: string;
  readonly fence: string;
  /** Id of the newest restore of the store that this agent knows of. */
  readonly restore: string;
  /** A file that an operator puts here: while it stands, nothing is changed. */
  readonly hold: string;
  readonly ledger: string;
  readonly ledgerKey: string;
  readonly journal: string;
  readonly logs: string;
}

const layout = (path: string): DataDirectory => ({
  path,
  config: join(path, 'agent.yml'),
  identity: join(path, 'identity.pem'),
  previousIdentity: join(path, 'identity.previous.pem'),
  joinedEarlier: { key: join(path, 'agent.key'), certificate: join(path, 'agent.crt') },
  pendingKey: join(path, 'agent.key.pending'),
  fleetCa: join(path, 'fleet-ca.crt'),
  lock: join(path, 'lock'),
  fence: join(path, 'fence'),
  restore: join(path, 'restore'),
  hold: join(path, 'hold'),
  ledger: join(path, 'ledger.json'),
  ledgerKey: join(path, 'ledger.key'),
  journal: join(path, 'journal'),
  logs: join(path, 'logs'),
});

/** Makes the data directory, or takes an existing one, and sees to its permissions; throws `data-directory`. */
export const openDataDirectory = async (path: string): Promise<DataDirectory> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    const directory = layout(await realpath(path));
    await mkdir(directory.journal, { recursive: true, mode: 0o700 });
    await mkdir(directory.logs, { recursive: true, mode: 0o700 });
    return directory;
  } catch (error) {
    throw new RemoraError('data-directory', `The data directory ${path} cannot be used: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
