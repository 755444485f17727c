import type { ChangeOperation, OperationInput, OperationResult, ReadOperation } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import type { Draft } from '../journal/draft.ts';
import { backups } from './backups.ts';
import { planFiles } from './files.ts';
import { inspect } from './inspect.ts';
import { planKeystore } from './keystore.ts';
import { probe } from './probe.ts';
import { request } from './request.ts';
import { planService } from './service.ts';
import { planSettings, preview } from './settings.ts';
import { planUndo } from './undo.ts';

/** Carries out an operation that changes nothing. */
export type Reader<N extends ReadOperation> = (
  input: OperationInput<N>,
  context: AgentContext,
) => Promise<OperationResult<N>>;

/**
 * Checks an operation that changes and adds what it will change to the draft, without changing anything; the journal carries the draft out. Resolves with
 * the result as far as it is known by then, null when it is only known afterwards. Rejects with a RemoraError when the operation is refused.
 */
export type Planner<N extends ChangeOperation> = (
  input: OperationInput<N>,
  context: AgentContext,
  draft: Draft,
) => Promise<OperationResult<N> | null>;

/** One executor for each operation of shared/src/operations.ts: one that is missing does not compile. */
export const readers: { readonly [N in ReadOperation]: Reader<N> } = { inspect, probe, preview, request, backups };
export const planners: { readonly [N in ChangeOperation]: Planner<N> } = {
  files: planFiles,
  settings: planSettings,
  keystore: planKeystore,
  undo: planUndo,
  service: planService,
};
