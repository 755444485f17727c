import type { AgentConfig } from './checks.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Fence } from './fence.ts';
import type { Keystore } from './keystore/keystore.ts';
import type { LedgerFile } from './ledger.ts';
import type { Log } from './log.ts';
import type { NodeControl } from './node/restart.ts';

/** What operations work with: this agent's node, its files and its memory. */
export interface AgentContext extends NodeControl {
  readonly config: AgentConfig;
  readonly directory: DataDirectory;
  readonly log: Log;
  readonly keystore: Keystore;
  readonly ledger: LedgerFile;
  readonly fence: Fence;
  /** Aborts reads when the agent drains. */
  readonly draining: AbortSignal;
  /** The delivery that is being carried out. */
  readonly openDelivery: { id: string | null };
}
