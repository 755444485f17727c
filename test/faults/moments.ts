import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { keys } from '../../coordinator/src/store/keys.ts';
import { type Effect, effectsOf } from './cheap/state.ts';
import type { Stack } from './stack/stack.ts';

/** Something that could be seen from outside while a run went on, with the step that it belongs to. */
export interface Moment {
  readonly step: string;
  /** What happened, without numbers that differ from run to run. */
  readonly what: string;
  /** When it was seen, in ms since 1970. */
  readonly at: number;
}

/** A fence that an agent has seen. */
export interface SeenFence {
  readonly node: string;
  readonly fence: number;
  /** When it was written down, in ms since 1970. */
  readonly at: number;
}

const POLL_MS = 10;
const RUN = '(run)';

const withoutNumbers = (text: string): string => text.replace(/\d+/g, '#');

/**
 * Watches a run from outside: its events in Redis, what changed in the clusters, and the phases in the agents' journals. What changes in a cluster is counted
 * to the step whose event came last.
 */
export class Watcher {
  readonly moments: Moment[] = [];
  readonly fences: SeenFence[] = [];
  readonly #stack: Stack;
  readonly #runId: string;
  readonly #redis: Redis;
  readonly #listeners = new Set<(moment: Moment) => void>();
  readonly #seenEffects = new Map<string, { size: number; count: number }>();
  readonly #seenPhases = new Set<string>();
  #last = RUN;
  #stopped = false;

  constructor(stack: Stack, runId: string) {
    this.#stack = stack;
    this.#runId = runId;
    this.#redis = stack.redis();
    void this.#readEvents();
    this.#poll();
  }

  /** Calls back with what was seen so far and with what comes. */
  listen(listener: (moment: Moment) => void): () => void {
    for (const moment of [...this.moments]) listener(moment);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first moment that fits, seen already or to come. */
  first(fits: (moment: Moment) => boolean): Promise<Moment> {
    return new Promise((resolve) => {
      const stop = this.listen((moment) => {
        if (!fits(moment)) return;
        queueMicrotask(() => stop());
        resolve(moment);
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#redis.disconnect();
  }

  #tell(moment: Moment): void {
    this.moments.push(moment);
    for (const listener of [...this.#listeners]) listener(moment);
  }

  async #readEvents(): Promise<void> {
    let last = '0';
    while (!this.#stopped) {
      const answer = await this.#redis
        .xread('COUNT', 100, 'BLOCK', 2000, 'STREAMS', keys.runEvents(this.#runId), last)
        .catch(() => null);
      for (const [id, fields] of answer?.[0]?.[1] ?? []) {
        last = id;
        this.#onEvent(fields);
      }
    }
  }

  #onEvent(fields: readonly string[]): void {
    const entry = Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? '']] : [])));
    const { stepId, status, message } = JSON.parse(entry.event ?? '{}') as Record<string, string | null>;
    this.#last = stepId ?? this.#last;
    this.#tell({ step: stepId ?? RUN, what: `event: ${status} ${withoutNumbers(message ?? '')}`, at: Date.now() });
  }

  #poll(): void {
    if (this.#stopped) return;
    for (const stateDir of this.#stack.bed.stateDirs) this.#pollEffects(stateDir);
    for (const { name } of this.#stack.nodes) {
      this.#pollJournal(name);
      this.#pollFence(name);
    }
    setTimeout(() => this.#poll(), POLL_MS);
  }

  #pollEffects(stateDir: string): void {
    const seen = this.#seenEffects.get(stateDir);
    const { size } = statSync(join(stateDir, 'effects.jsonl'));
    if (seen?.size === size) return;
    const all = effectsOf(stateDir);
    const news: readonly Effect[] = seen ? all.slice(seen.count) : [];
    this.#seenEffects.set(stateDir, { size, count: all.length });
    for (const { node, what } of news)
      this.#tell({ step: this.#last, what: `effect: ${what} ${node}`, at: Date.now() });
  }

  #pollFence(node: string): void {
    const file = join(this.#stack.agentDirectory(node), 'fence');
    const at = writtenAt(file);
    if (at === null || this.fences.some((seen) => seen.node === node && seen.at === at)) return;
    const fence = Number(readFileSync(file, 'utf8'));
    // The file was replaced between the two looks where these differ: it is read again at the next poll.
    if (writtenAt(file) === at) this.fences.push({ node, fence, at });
  }

  #pollJournal(node: string): void {
    const journal = join(this.#stack.agentDirectory(node), 'journal');
    for (const folder of listed(journal)) {
      const record = recordIn(join(journal, folder));
      const [runId, step] = record?.id.split('/') ?? [];
      if (record === null || runId !== this.#runId || step === undefined) continue;
      const what = `journal: ${node} ${record.phase}`;
      if (this.#seenPhases.has(`${folder} ${what}`)) continue;
      this.#seenPhases.add(`${folder} ${what}`);
      this.#tell({ step, what, at: Date.now() });
    }
  }
}

const writtenAt = (file: string): number | null => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null;

const listed = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return []; // the agent has not made it yet
  }
};

const recordIn = (folder: string): { readonly id: string; readonly phase: string } | null => {
  try {
    return JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8'));
  } catch {
    return null; // just being made
  }
};

/** The steps in the order in which they began, with all that was seen in each. */
export const momentsByStep = (moments: readonly Moment[]): Map<string, Moment[]> => {
  const steps = new Map<string, Moment[]>();
  for (const moment of moments) {
    if (moment.step === RUN) continue;
    steps.set(moment.step, [...(steps.get(moment.step) ?? []), moment]);
  }
  return steps;
};

/** Whether this is the end of a step, or of the run. */
export const isEnd = ({ what }: Moment): boolean => /^event: (succeeded|failed|undone|cancelled) /.test(what);
export const isRun = ({ step }: Moment): boolean => step === RUN;
export const isEvent = ({ what }: Moment): boolean => what.startsWith('event: ');
