import { channels, keys } from '../store/keys.ts';

/** Keys and fields that the gateway alone uses, beside those of `store/keys.ts`. */
export const gatewayKeys = {
  /** string with expiry: a coordinator renews it while it lives; without it the sessions that it held count as offline */
  alive: (coordinatorId: string) => `${channels.coordinator(coordinatorId)}:alive`,
  /** hash: CLUSTER/NODE -> `node.name` of agents that joined while their node was down or its cluster did not answer; checked at the first session that finds both up */
  unverified: `${keys.nodes}:unverified`,
  /** hash: CLUSTER/NODE -> why its agent was refused, until it is let in */
  refused: `${keys.nodes}:refused`,
  /** hash: CLUSTER/NODE ADDRESS -> TurnedAway, see session/turned-away.ts */
  turnedAway: `${keys.nodes}:turned-away`,
} as const;

/** How often a coordinator says that it lives, and for how long that counts. */
export const ALIVE_RENEW_MS = 3000;
export const ALIVE_TTL_MS = 10_000;

/** Field of `keys.meta`: the highest fence that this store ever handed to an agent. */
export const HIGHEST_FENCE = 'highestFence';
