import { RemoraError } from '@remora/shared/errors.ts';
import type { RunRecord, StepState } from '../store/run-hash.ts';
import { pendingStep } from '../store/run-hash.ts';
import type { EventDraft, Patch, RunStore } from '../store/run-store.ts';

/**
 * All writes of one driver to one run, one after the other under its fence. Steps that run side by side share it, so that each write finds the version that
 * the one before left.
 */
export class RunWriter {
  readonly runId: string;
  readonly fence: number;
  readonly #store: RunStore;
  readonly #steps: Map<string, StepState>;
  readonly #restores: Map<string, unknown>;
  readonly #restarts: string[];
  #version: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: RunStore, record: RunRecord, fence: number) {
    this.#store = store;
    this.runId = record.head.runId;
    this.fence = fence;
    this.#version = record.version;
    this.#steps = new Map(record.steps);
    this.#restores = new Map(record.restores);
    this.#restarts = [...record.restarts];
  }

  step(stepId: string): StepState {
    return this.#steps.get(stepId) ?? pendingStep;
  }

  restores(): ReadonlyMap<string, unknown> {
    return this.#restores;
  }

  /** Throws `fence-stale` when somebody else drives the run. */
  async checkFence(): Promise<void> {
    if ((await this.#store.fence(this.runId)) !== this.fence)
      throw new RemoraError('fence-stale', `Run ${this.runId} is driven by another coordinator now.`);
  }

  async writeStep(stepId: string, change: Partial<StepState>, message: string | null): Promise<void> {
    const next = { ...this.step(stepId), ...change };
    this.#steps.set(stepId, next);
    const event = message === null ? null : { type: 'step' as const, stepId, status: next.status, message };
    await this.write({ [`step:${stepId}`]: JSON.stringify(next) }, event);
  }

  async setRestore(name: string, value: unknown): Promise<void> {
    if (this.#restores.has(name)) return;
    this.#restores.set(name, value);
    await this.write({ [`restore:${name}`]: JSON.stringify(value) }, null);
  }

  async clearRestore(name: string): Promise<void> {
    this.#restores.delete(name);
    await this.write({ [`restore:${name}`]: null }, null);
  }

  async addRestart(node: string): Promise<void> {
    if (this.#restarts.includes(node)) return;
    this.#restarts.push(node);
    await this.write({ restarts: JSON.stringify(this.#restarts) }, null);
  }

  write(patch: Patch, event: EventDraft | null): Promise<void> {
    const next = this.#queue.then(async () => {
      this.#version = await this.#store.write(this.runId, { fence: this.fence, version: this.#version }, patch, event);
    });
    this.#queue = next.catch(() => undefined);
    return next;
  }
}
