import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { ChangeOperation, OperationCall } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import type { NodeId } from '../plan/node/node-id.ts';
import type { StepInputs, StepKind } from '../plan/steps.ts';
import type { InventoryRecords } from '../store/inventory.ts';
import type { Amendment } from '../store/runs/run-store.ts';
import type { Batch } from './stage/batch.ts';

/** What a step remembers between its beginning and its end; written through the fence, so that whoever goes on with the run sees it. */
export interface StepMemory {
  /** What is about to be called, written before the call (for example the unique name of an API key). */
  readonly intent: unknown;
  /** What was found before the change. */
  readonly before: unknown;
  /** What came of it, without secrets. */
  readonly result: unknown;
  /** What a further attempt has to know of the ones before it, when the run was resumed after a failure. */
  readonly kept: unknown;
}

/**
 * What an executor gets. Every method that writes or acts checks the fence first and throws `fence-stale` when the run was taken over; every long call
 * ends with the signal.
 */
export interface StepContext {
  readonly runId: string;
  /** Of the driver that carries the step out. */
  readonly fence: number;
  readonly stepId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly actor: string;
  readonly signal: AbortSignal;
  /** As written by an earlier driver of the same attempt; all null at the first. */
  readonly memory: StepMemory;
  /** Writes parts of the memory; returns when Redis has it. */
  remember(patch: Partial<StepMemory>): Promise<void>;
  /** Says in a few words what is being done now; shown live and kept as an event. With an action it is an entry of the audit log too. */
  phase(text: string, action?: 'gate.override'): Promise<void>;
  /** Throws when somebody asked to cancel the run; for a step that waits and has begun nothing, which is then as if it had never been begun. */
  haltIfCancelled(): Promise<void>;
  /** How the change is to be carried out. */
  readonly options: ChangeOptions;
  /** The nodes that restart side by side, of a step that restarts one. */
  readonly batch: Batch;
  /** Throws `fence-stale` when this coordinator no longer drives the run; called right before anything outside is changed. */
  checkFence(): Promise<void>;
  /** Records what has to be put back (`restore:NAME`) before it is changed; kept when it is set already. */
  setRestore(name: string, value: unknown): Promise<void>;
  /** Puts back what `setRestore` recorded, through the restorer of that name, and forgets it; nothing when nothing was recorded. */
  putBack(name: string): Promise<void>;
  /**
   * Has the agent carry out a transaction: the delivery is RUN/STEP/ATTEMPT with the driver's fence. Waits for an agent that is away. One that the agent did
   * not begin within `freshForMs` is refused with `delivery-late`, and may be asked for again.
   */
  change(
    node: NodeId,
    operations: readonly OperationCall<ChangeOperation>[],
    limits: { readonly timeoutMs: number; readonly freshForMs?: number },
  ): Promise<Result>;
  /** Files a record in the inventory, or forgets it (null), under the fence: a driver that slept must not overwrite what its successor filed. */
  file<N extends keyof InventoryRecords>(collection: N, id: string, record: InventoryRecords[N] | null): Promise<void>;
  /**
   * Changes a record that others may write meanwhile, also runs that hold other clusters, and keeps what they write. `change` may be called again. Throws `not-found` where there
   * is none.
   */
  amend<N extends keyof InventoryRecords>(amendment: Amendment<N>): Promise<void>;
  /** Marks another run as taken back by this one. */
  rolledBack(runId: string): Promise<void>;
  /** Notes that this run restarted a node. */
  restarted(node: string): Promise<void>;
  /** Waits, or rejects with the signal. */
  sleep(ms: number): Promise<void>;
}

/** Carries out one kind of step. Called again with the same attempt and memory after a crash, so it observes before it acts. */
export type Executor<K extends StepKind> = (context: StepContext, input: StepInputs[K]) => Promise<unknown>;
export type Executors = { readonly [K in StepKind]: Executor<K> };

/** Puts back what `setRestore` recorded; called until it succeeds before the run's locks are released. */
export type Restorers = Readonly<Record<string, (value: unknown, context: RestoreContext) => Promise<void>>>;

export interface RestoreContext {
  readonly signal: AbortSignal;
  /** Throws when this coordinator no longer drives the run; called right before anything outside is changed. */
  checkFence(): Promise<void>;
  /** An event of the run, for people; with the run that was filed to take it back. */
  tell(message: string, rollback?: string): Promise<void>;
}
