import type { StepInputs } from '../../plan/steps.ts';
import { stopWith } from '../stop-with.ts';

/**
 * Nodes of one roll that restart side by side: one look at the gates, one pause of allocation and one wait for recovery serve them all. It lives as long as
 * they do under one driver; the next driver makes another one of those that were interrupted.
 */
export class Batch {
  readonly changes: readonly StepInputs['node.change'][];
  readonly #away: Set<string>;
  readonly #shared = new Map<string, Promise<unknown>>();
  readonly #all = Promise.withResolvers<void>();
  #isWhole = true;

  constructor(changes: readonly StepInputs['node.change'][]) {
    this.changes = changes;
    this.#away = new Set(changes.map(({ node }) => node));
  }

  get nodes(): string[] {
    return this.changes.map(({ node }) => node);
  }

  /** Whether every node that was restarted came back. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Does something once for all of them: whoever asks while it is done, or after it, gets the same outcome. What failed is done again for who asks next. */
  once<T>(what: string, work: () => Promise<T>): Promise<T> {
    const known = this.#shared.get(what) as Promise<T> | undefined;
    if (known) return known;
    const made = work();
    this.#shared.set(what, made);
    made.catch(() => this.#shared.delete(what));
    return made;
  }

  /** Says that a node is done with its restart: back in the cluster, or lost. Answers for whom of the batch has to be waited. */
  arrive(node: string, { isBack }: { readonly isBack: boolean }): string[] {
    this.#away.delete(node);
    this.#isWhole &&= isBack;
    if (this.#away.size === 0) this.#all.resolve();
    return [...this.#away];
  }

  /** Resolves when all have arrived; rejects with the signal. */
  everyone(signal: AbortSignal): Promise<void> {
    return stopWith(signal, 0, this.#all.promise);
  }
}
