import type { ErrorCode } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import { channels } from '../store/keys.ts';

/** To the coordinator that holds a node's socket. */
type ToCoordinator =
  /** Load this delivery and send it. `fresh`: by the clock of its driver the agent may still begin it. */
  | { readonly kind: 'deliver'; readonly id: string; readonly fresh: boolean }
  /** The node has a newer session, here or elsewhere: close the ones below `epoch`. */
  | { readonly kind: 'superseded'; readonly node: string; readonly epoch: number };

/** To all coordinators: one of them may drive a delivery of that node, or hold a socket of it. */
type ToAll =
  | { readonly kind: 'result'; readonly id: string }
  | { readonly kind: 'progress'; readonly id: string; readonly node: string; readonly phase: string }
  /** The delivery could not be sent, for a reason that sending again does not mend. */
  | {
      readonly kind: 'unsendable';
      readonly id: string;
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string };
    }
  | { readonly kind: 'session'; readonly node: string }
  /** `node` has lost its certificate; or, with `fingerprint`, only the agent that shows this one. */
  | { readonly kind: 'revoked'; readonly node: string; readonly fingerprint: string | null };

export type WakeUp = ToCoordinator | ToAll;

/**
 * Wake-ups between coordinators over Redis pub/sub. They may be lost and say nothing that Redis does not know better; the sender is a receiver too, so that
 * there is one path whether the socket is here or elsewhere.
 */
export interface WakeUps {
  toCoordinator(coordinatorId: string, wakeUp: ToCoordinator): Promise<void>;
  toAll(wakeUp: ToAll): Promise<void>;
  /** Calls back for every wake-up that is for this coordinator or for all. */
  listen(listener: (wakeUp: WakeUp) => void): void;
  close(): Promise<void>;
}

/** `redis` publishes; `subscriber` is a connection in subscriber mode that others may use for other channels. */
export const openWakeUps = async (redis: Redis, subscriber: Redis, coordinatorId: string): Promise<WakeUps> => {
  const own = [channels.coordinator(coordinatorId), channels.deliveries];
  const listeners: ((wakeUp: WakeUp) => void)[] = [];
  const onMessage = (channel: string, text: string): void => {
    if (!own.includes(channel)) return;
    const wakeUp = JSON.parse(text) as WakeUp;
    for (const listener of listeners) listener(wakeUp);
  };
  subscriber.on('message', onMessage);
  await subscriber.subscribe(...own);
  return {
    async toCoordinator(id, wakeUp) {
      await redis.publish(channels.coordinator(id), JSON.stringify(wakeUp));
    },
    async toAll(wakeUp) {
      await redis.publish(channels.deliveries, JSON.stringify(wakeUp));
    },
    listen(listener) {
      listeners.push(listener);
    },
    async close() {
      subscriber.off('message', onMessage);
      await subscriber.unsubscribe(...own);
    },
  };
};
