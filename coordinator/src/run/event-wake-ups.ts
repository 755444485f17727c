import type { Redis } from 'ioredis';
import { channels } from '../store/keys.ts';

export interface EventWakeUps {
  /** Calls back whenever the run may have new events. Answers how to stop. */
  subscribe(runId: string, wake: () => void): () => void;
  close(): void;
}

/** One wake-up for many listeners over the one shared subscriber. What was published while the connection was lost is made up for by waking everybody. */
export const openEventWakeUps = async (subscriber: Redis): Promise<EventWakeUps> => {
  const listeners = new Map<string, Set<() => void>>();
  const onMessage = (channel: string, runId: string): void => {
    if (channel !== channels.runEvents) return;
    for (const wake of [...(listeners.get(runId) ?? [])]) wake();
  };
  const onReady = (): void => {
    for (const all of [...listeners.values()]) for (const wake of [...all]) wake();
  };
  subscriber.on('message', onMessage);
  subscriber.on('ready', onReady);
  await subscriber.subscribe(channels.runEvents);
  return {
    subscribe(runId, wake) {
      const all = listeners.get(runId) ?? new Set();
      listeners.set(runId, all.add(wake));
      return () => {
        all.delete(wake);
        if (all.size === 0 && listeners.get(runId) === all) listeners.delete(runId);
      };
    },
    close() {
      subscriber.off('message', onMessage);
      subscriber.off('ready', onReady);
    },
  };
};
