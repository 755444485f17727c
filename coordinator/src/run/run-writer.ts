import { randomUUID } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { RunStatus, StepError } from '@remora/shared/model/run.ts';
import type { InventoryRecords } from '../store/inventory.ts';
import type { RunRecord, StepState } from '../store/runs/run-hash.ts';
import { hasBegun, pendingStep } from '../store/runs/run-hash.ts';
import type { Amendment, EventDraft, Patch, RunStore } from '../store/runs/run-store.ts';
import { outlast } from './outlast.ts';
import { ofRun, type RunAudit } from './run-audit.ts';

/** Somebody else took the run: nothing more may be written or changed by this driver. An agent's or a step's own `fence-stale` is another thing. */
export class RunTakenOver extends RemoraError {
  constructor(runId: string) {
    super('fence-stale', `Run ${runId} is driven by another coordinator now.`);
  }
}

/**
 * All writes of one driver to one run, one after the other under its fence. Steps that run side by side share it, so that each write finds the version that
 * the one before left. A write outlasts an outage of Redis: it is sent again as the same request, which takes effect once.
 */
export class RunWriter {
  readonly runId: string;
  readonly fence: number;
  readonly signal: AbortSignal;
  /** Whether somebody looked at the first node of a roll and said to go on. */
  readonly continued: boolean;
  readonly options: ChangeOptions;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly #store: RunStore;
  readonly #redact: (text: string) => string;
  readonly #steps: Map<string, StepState>;
  readonly #restores: Map<string, unknown>;
  #notPutBack: readonly string[];
  readonly #restarts: string[];
  readonly #restartedIn: Map<string, number>;
  readonly #record: RunRecord;
  #version: number;
  #queue: Promise<unknown> = Promise.resolve();

  /** `record` as `take` answered it. `redact` cleans what Elasticsearch and agents said of values of secrets. */
  constructor(store: RunStore, record: RunRecord, signal: AbortSignal, redact: (text: string) => string) {
    this.#store = store;
    this.runId = record.head.runId;
    this.fence = record.fence;
    this.signal = signal;
    this.#redact = redact;
    this.continued = record.continued;
    this.options = record.head.options ?? {};
    this.createdAt = record.head.createdAt;
    this.#version = record.version;
    this.#steps = new Map(record.steps);
    this.#restores = new Map(record.restores);
    this.#notPutBack = record.notPutBack;
    this.#restarts = [...record.restarts];
    this.#restartedIn = new Map(record.restartedIn);
    this.#record = record;
  }

  step(stepId: string): StepState {
    return this.#steps.get(stepId) ?? pendingStep;
  }

  /**
   * What the delivery of a step's attempt is called: RUN/STEP/ATTEMPT. After a restore from a back-up the same attempt may have been made already, in a time that
   * the store does not know: then the id of the restore is part of it, so that no agent takes it for that one.
   */
  deliveryId(stepId: string): string {
    const { restored } = this.#record;
    return `${this.runId}/${stepId}/${this.step(stepId).attempts}${restored === null ? '' : `+${restored}`}`;
  }

  /** Whether any step was begun. */
  hasBegun(): boolean {
    return hasBegun({ steps: this.#steps });
  }

  restores(): ReadonlyMap<string, unknown> {
    return this.#restores;
  }

  /** Throws when this driver has to stop, or somebody else drives the run already. */
  async checkFence(): Promise<void> {
    this.signal.throwIfAborted();
    const fence = await outlast(this.signal, () => this.#store.fence(this.runId));
    if (fence !== this.fence) throw new RunTakenOver(this.runId);
  }

  /** Why this run shall stop, when somebody asked for that. */
  stopRequest(): Promise<StepError | null> {
    return this.#store.stopOf(this.runId);
  }

  async writeStep(
    stepId: string,
    change: Partial<StepState>,
    message: string | null,
    audit: RunAudit | null = null,
  ): Promise<void> {
    const next = { ...this.step(stepId), ...this.#cleanStep(change) };
    this.#steps.set(stepId, next);
    const event = message === null ? null : { type: 'step' as const, stepId, status: next.status, message };
    await this.write({ [`step:${stepId}`]: JSON.stringify(next) }, event, audit);
  }

  async setRestore(name: string, value: unknown): Promise<void> {
    if (this.#restores.has(name)) return;
    this.#restores.set(name, value);
    await this.write({ [`restore:${name}`]: JSON.stringify(value) }, null);
  }

  async clearRestore(name: string): Promise<void> {
    this.#restores.delete(name);
    const failed = this.#notPutBack.includes(name) ? this.#withoutFailed(name) : {};
    await this.write({ [`restore:${name}`]: null, ...failed }, null);
  }

  /** Tells people what could not be put back, and notes it until it is. */
  async tellNotPutBack(names: readonly string[], status: RunStatus, message: string): Promise<void> {
    this.#notPutBack = [...new Set([...this.#notPutBack, ...names])];
    const patch = { notPutBack: JSON.stringify(this.#notPutBack) };
    await this.write(patch, { type: 'run', stepId: null, status, message });
  }

  #withoutFailed(name: string): Patch {
    this.#notPutBack = this.#notPutBack.filter((other) => other !== name);
    return { notPutBack: JSON.stringify(this.#notPutBack) };
  }

  /** Marks another run as taken back by this one. Throws RunTakenOver, and `conflict` when that run goes on by now. */
  async rolledBack(runId: string, actor: string): Promise<void> {
    const by = { runId: this.runId, fence: this.fence, actor };
    if (!(await outlast(this.signal, () => this.#store.rolledBack(runId, by)))) throw new RunTakenOver(this.runId);
  }

  /** Files a record in the inventory in the same moment in which the fence is found to be held. Throws RunTakenOver. */
  async file<N extends keyof InventoryRecords>(
    collection: N,
    id: string,
    record: InventoryRecords[N] | null,
  ): Promise<void> {
    const isFiled = await outlast(this.signal, () => this.#store.file(this.runId, this.fence, collection, id, record));
    if (!isFiled) throw new RunTakenOver(this.runId);
  }

  /** Changes a record that is there, as `file` writes one. Throws RunTakenOver, and `not-found` where there is none. */
  async amend<N extends keyof InventoryRecords>(amendment: Amendment<N>): Promise<void> {
    const how = await outlast(this.signal, () => this.#store.amend(this.runId, this.fence, amendment));
    if (how === 'taken') throw new RunTakenOver(this.runId);
    if (how === 'gone')
      throw new RemoraError('not-found', `"${amendment.id}" was removed from the inventory meanwhile.`);
  }

  /** Nodes that the run has restarted so far. */
  restarts(): readonly string[] {
    return this.#restarts;
  }

  /** Notes that an attempt of a step restarted a node; once, also when the next driver finds that out again. */
  async addRestart(
    node: string,
    { stepId, target }: { readonly stepId: string; readonly target: string },
  ): Promise<void> {
    const { attempts } = this.step(stepId);
    if (this.#restartedIn.get(stepId) === attempts) return;
    this.#restartedIn.set(stepId, attempts);
    if (!this.#restarts.includes(node)) this.#restarts.push(node);
    const patch = { restarts: JSON.stringify(this.#restarts), [`restarted:${stepId}`]: String(attempts) };
    await this.write(patch, null, { action: 'node.restart', target, stepId });
  }

  /** An error as it may be recorded. */
  cleanError({ code, message, hint }: StepError): StepError {
    return { code, message: this.#redact(message), hint: this.#redact(hint) };
  }

  /**
   * What Elasticsearch and agents said is for people and is cleaned. What the run itself reads again (intents, results, what is to be put back) is made of
   * names and references, and stays as it is: a password may well be a part of a cluster's name.
   */
  #cleanStep(change: Partial<StepState>): Partial<StepState> {
    const { phase, error } = change;
    return {
      ...change,
      ...(typeof phase === 'string' ? { phase: this.#redact(phase) } : {}),
      ...(error ? { error: this.cleanError(error) } : {}),
    };
  }

  /** Throws RunTakenOver. What is done may be written also after the signal, as long as the fence is held. */
  write(patch: Patch, told: EventDraft | null, audited: RunAudit | null = null): Promise<void> {
    const event = told && { ...told, message: this.#redact(told.message) };
    const detail = audited?.detail === undefined ? {} : { detail: this.#redact(audited.detail) };
    const audit = audited && ofRun(this.#record, { ...audited, ...detail });
    const next = this.#queue.then(async () => {
      const write = { fence: this.fence, version: this.#version, request: randomUUID(), patch, event, audit };
      const version = await outlast(this.signal, () => this.#store.write(this.runId, write));
      if (version === null) throw new RunTakenOver(this.runId);
      this.#version = version;
    });
    this.#queue = next.catch(() => undefined);
    return next;
  }
}
