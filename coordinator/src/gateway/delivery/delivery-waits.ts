import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import type { CallOptions } from '../agent-calls.ts';
import type { GatewayLog } from '../gateway-log.ts';
import type { WakeUp, WakeUps } from '../wake-ups.ts';
import type { DeliveryStore } from './delivery-store.ts';

/** Wake-ups may be lost: what is waited for is looked up this often, all in one command. */
const POLL_MS = 1000;
/** A delivery of which nothing was heard for this long is sent again, with the same id. */
const RESEND_AFTER_MS = 15_000;

export interface WaitOptions extends CallOptions {
  /** Until when the agent may begin it, by `performance.now()`; absent: whenever it comes. */
  readonly freshUntilMs?: number;
  readonly onProgress?: (phase: string) => void;
}

interface Wait {
  readonly id: string;
  readonly node: NodeId;
  readonly options: WaitOptions;
  readonly settle: Pick<PromiseWithResolvers<Result>, 'resolve' | 'reject'>;
  /** When the delivery was last sent, or anything was heard of it. */
  lastSignMs: number;
}

export interface DeliveryWaits {
  /** Waits for the result of a delivery that stands in the store. Throws `delivery-timeout`, the signal's reason, or why it cannot be sent. */
  result(id: string, node: NodeId, options: WaitOptions): Promise<Result>;
  /** Rejects all waits: this coordinator stops. */
  close(): void;
}

interface WaitParts {
  readonly store: Pick<DeliveryStore, 'loadAll'>;
  readonly wakeUps: WakeUps;
  /** Asks the coordinator that holds the node's socket to send; does nothing while the agent is offline. */
  readonly nudge: (id: string, node: NodeId, isFresh: () => boolean) => Promise<void>;
  readonly log: GatewayLog;
}

const timedOut = ({ node, options }: Wait): RemoraError =>
  new RemoraError(
    'delivery-timeout',
    `The agent of node "${node.node}" of cluster "${node.cluster}" did not answer within ${formatDuration(options.timeoutMs)}.`,
  );

/** The drivers' side of deliveries: everything that this coordinator waits for, over the one shared subscriber and one poll. */
export class SharedDeliveryWaits implements DeliveryWaits {
  readonly #parts: WaitParts;
  readonly #waits = new Set<Wait>();
  #poll: NodeJS.Timeout | null = null;

  constructor(parts: WaitParts) {
    this.#parts = parts;
    parts.wakeUps.listen((wakeUp) => this.#hear(wakeUp));
  }

  async result(id: string, node: NodeId, options: WaitOptions): Promise<Result> {
    options.signal?.throwIfAborted();
    const settled = Promise.withResolvers<Result>();
    const wait: Wait = { id, node, options, settle: settled, lastSignMs: performance.now() };
    const limit = setTimeout(() => settled.reject(timedOut(wait)), options.timeoutMs);
    const onAbort = (): void => settled.reject(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    this.#waits.add(wait);
    this.#poll ??= setInterval(() => void this.#look([...this.#waits]), POLL_MS);
    this.#send(wait);
    try {
      return await settled.promise;
    } finally {
      clearTimeout(limit);
      options.signal?.removeEventListener('abort', onAbort);
      this.#remove(wait);
    }
  }

  close(): void {
    for (const { node, settle } of this.#waits) {
      settle.reject(
        new RemoraError('delivery-timeout', `This coordinator stopped before node "${node.node}" answered.`, {
          hint: 'Nothing is lost: whoever goes on with the run asks again.',
        }),
      );
    }
  }

  #remove(wait: Wait): void {
    this.#waits.delete(wait);
    if (this.#waits.size > 0 || !this.#poll) return;
    clearInterval(this.#poll);
    this.#poll = null;
  }

  #send(wait: Wait): void {
    wait.lastSignMs = performance.now();
    const { freshUntilMs = Number.POSITIVE_INFINITY } = wait.options;
    const isFresh = (): boolean => performance.now() < freshUntilMs;
    void this.#parts.nudge(wait.id, wait.node, isFresh).catch((error: unknown) => this.#complain(error));
  }

  #complain(error: unknown): void {
    this.#parts.log.warn({ reason: messageOf(error) }, 'Redis did not answer while deliveries are waited for');
  }

  /** Settles what has a result, and sends again what was silent for too long. */
  async #look(waits: readonly Wait[]): Promise<void> {
    try {
      const records = await this.#parts.store.loadAll(waits.map(({ id }) => id));
      for (const [index, wait] of waits.entries()) {
        const result = records[index]?.result;
        if (result) wait.settle.resolve(result);
        else if (performance.now() - wait.lastSignMs >= RESEND_AFTER_MS) this.#send(wait);
      }
    } catch (error) {
      this.#complain(error);
    }
  }

  #of(id: string): Wait[] {
    return [...this.#waits].filter((wait) => wait.id === id);
  }

  #hear(wakeUp: WakeUp): void {
    if (wakeUp.kind === 'result') void this.#look(this.#of(wakeUp.id));
    if (wakeUp.kind === 'session') {
      for (const wait of this.#waits) if (nodeKey(wait.node) === wakeUp.node) this.#send(wait);
    }
    if (wakeUp.kind === 'progress') {
      for (const wait of this.#of(wakeUp.id)) {
        if (nodeKey(wait.node) !== wakeUp.node) continue;
        wait.lastSignMs = performance.now();
        wait.options.onProgress?.(wakeUp.phase);
      }
    }
    if (wakeUp.kind === 'unsendable') {
      const { code, message, hint } = wakeUp.error;
      for (const wait of this.#of(wakeUp.id)) wait.settle.reject(new RemoraError(code, message, { hint }));
    }
  }
}
