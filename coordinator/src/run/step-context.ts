import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentCalls } from '../gateway/agent-calls.ts';
import type { AnyStep } from '../plan/steps.ts';
import { type IsOnline, showPresence } from './agent-presence.ts';
import type { Restorers, StepContext } from './executor.ts';
import { auditTarget } from './run-audit.ts';
import type { RunWriter } from './run-writer.ts';
import { Batch } from './stage/batch.ts';
import { haltIfCancelled } from './stage/halt.ts';
import { STOP_GRACE_MS, stopWith } from './stop-with.ts';

export interface StepContextParts {
  readonly writer: RunWriter;
  readonly agents: Pick<AgentCalls, 'change'>;
  /** Absent: steps that wait for an agent show as running. */
  readonly isOnline?: IsOnline;
  readonly restorers: Restorers;
  readonly actor: string;
  readonly signal: AbortSignal;
  /** The nodes that restart side by side with the step's; absent when it is alone. */
  readonly batch?: Batch;
}

/** Puts one thing back through its restorer, `WHAT` of `WHAT` or `WHAT:CLUSTER`, and forgets it. An entry without a restorer is a fault in Remora and is kept. */
export const putBack = async (
  { writer, restorers, signal }: Pick<StepContextParts, 'writer' | 'restorers' | 'signal'>,
  name: string,
): Promise<void> => {
  if (!writer.restores().has(name)) return;
  const restore = restorers[name.split(':', 1)[0] ?? ''];
  if (!restore) throw new Error(`nothing knows how to put back "${name}"`);
  await writer.checkFence();
  const tell = (message: string, rollback?: string): Promise<void> =>
    writer.write(rollback === undefined ? {} : { rollback }, { type: 'run', stepId: null, status: 'failed', message });
  await stopWith(
    signal,
    STOP_GRACE_MS,
    restore(writer.restores().get(name), { signal, tell, checkFence: () => writer.checkFence() }),
  );
  await writer.clearRestore(name);
};

/** What an executor works with, for one attempt of one step. */
export const stepContext = (parts: StepContextParts, step: AnyStep): StepContext => {
  const { writer, agents, signal } = parts;
  const state = writer.step(step.id);
  return {
    runId: writer.runId,
    fence: writer.fence,
    stepId: step.id,
    attempt: state.attempts,
    actor: parts.actor,
    signal,
    memory: { intent: state.intent, before: state.before, result: state.result, kept: state.kept ?? null },
    remember: (patch) => writer.writeStep(step.id, patch, null),
    async phase(text, action) {
      signal.throwIfAborted();
      const audit = action === undefined ? null : { action, target: auditTarget(step), stepId: step.id, detail: text };
      if (writer.step(step.id).phase !== text) await writer.writeStep(step.id, { phase: text }, text, audit);
    },
    options: writer.options,
    batch: parts.batch ?? new Batch(step.kind === 'node.change' ? [step.input] : []),
    haltIfCancelled: () => haltIfCancelled({ writer, signal }),
    checkFence: () => writer.checkFence(),
    setRestore: (name, value) => writer.setRestore(name, value),
    putBack: (name) => putBack(parts, name),
    async change(node, operations, { timeoutMs, ...limits }) {
      const id = writer.deliveryId(step.id);
      await writer.checkFence();
      let isOver = false;
      // Progress is for people: a write of it that fails shows at the next write that counts.
      const onProgress = (phase: string): void => {
        if (!isOver) void writer.writeStep(step.id, { phase }, phase).catch(() => undefined);
      };
      const stopShowing = parts.isOnline && showPresence({ writer, isOnline: parts.isOnline }, step.id, node);
      try {
        const delivery = { id, fence: writer.fence, operations, ...limits };
        return await agents.change(node, delivery, { timeoutMs, signal, onProgress });
      } finally {
        isOver = true;
        // Handed over or taken over: the step stays as it is shown, the next driver looks for itself.
        if (!signal.aborted) await stopShowing?.();
        else void stopShowing?.().catch(() => undefined);
      }
    },
    amend: (amendment) => writer.amend(amendment),
    file: (collection, id, record) => writer.file(collection, id, record),
    rolledBack: (runId) => writer.rolledBack(runId, parts.actor),
    restarted: (node) => {
      const target = 'node' in step.input ? auditTarget(step) : node;
      return writer.addRestart(node, { stepId: step.id, target });
    },
    async sleep(ms) {
      await sleep(ms, undefined, { signal });
    },
  };
};
