import { setTimeout as sleep } from 'node:timers/promises';
import { keys } from '../../coordinator/src/store/keys.ts';
import { driverOf } from './checks/fences.ts';
import type { Dice } from './seed.ts';
import type { CoordinatorName, Stack, StoreMode } from './stack/stack.ts';

/** What a fault is done to. */
export interface Victim {
  readonly stack: Stack;
  readonly runId: string;
  /** The node whose agent it is done to. */
  readonly node: string;
  readonly dice: Dice;
}

interface Fault {
  /** What happens, for the report. */
  readonly says: string;
  /** Where the store is; `dice`: as they fall. */
  readonly store: StoreMode | 'dice';
  /** Whether a second coordinator is there to take over; `dice`: as they fall. */
  readonly standby: boolean | 'dice';
  /** Does it, and resolves once everything that was taken away is back; with a word where it came to something else. */
  readonly strike: (victim: Victim) => Promise<unknown>;
}

/** A job's lock lasts 6 s and stalled jobs are looked for every 2 s: whoever sleeps longer has lost its run. */
const LONGER_THAN_LOCK_MS = 8500;
/** A delivery, an answer to a read: anything but a heartbeat or an acknowledgement. */
const DELIVERY_BYTES = 250;
const UNPLACED_AFTER_MS = 8000;

/** What was armed and found nothing on its way is over then; whoever armed it goes on. */
const inTime = async (placed: Promise<void>, otherwise: () => void): Promise<string | undefined> => {
  const isPlaced = await Promise.race([placed.then(() => true), sleep(UNPLACED_AFTER_MS, false, { ref: false })]);
  if (isPlaced) return undefined;
  otherwise();
  return 'nothing was on its way: cut';
};

const linkOf = ({ stack, node }: Victim) => {
  const link = stack.links.get(node);
  if (!link) throw new Error(`there is no link of ${node}`);
  return link;
};

/** The one that drives the run; of one that nobody drives any more the first. */
const driverIn = ({ stack, runId }: Victim): CoordinatorName => driverOf(stack, runId) ?? 'a';

const killCoordinator = async (victim: Victim): Promise<void> => {
  const { stack, dice } = victim;
  const driver = driverIn(victim);
  await stack.killCoordinator(driver);
  if (stack.coordinators.size > 0) return;
  await sleep(dice.between(0, 400));
  await stack.startCoordinator(driver);
};

const killCoordinatorAndRedis = async ({ stack, dice }: Victim): Promise<void> => {
  await Promise.all([stack.killCoordinator('a'), stack.killRedis()]);
  await sleep(dice.between(0, 400));
  if (stack.mode === 'shared') await stack.startRedis();
  await stack.startCoordinator('a');
};

/** A private Redis is started again by its coordinator. */
const killRedis = async ({ stack, dice }: Victim): Promise<void> => {
  await stack.killRedis();
  if (stack.mode === 'private') return;
  await sleep(dice.between(0, 1500));
  await stack.startRedis();
};

const killAgent = async ({ stack, node, dice }: Victim): Promise<void> => {
  await stack.agents.get(node)?.end();
  await sleep(dice.between(0, 1000));
  await stack.startAgent(node);
};

/** Of one agent, or of all. */
const cutLink = async (victim: Victim): Promise<void> => {
  const { stack, dice } = victim;
  const links = dice.between(0, 2) === 0 ? [linkOf(victim)] : [...stack.links.values()];
  for (const link of links) {
    link.isDown = true;
    link.cut();
  }
  await sleep(dice.between(0, 2500));
  for (const link of links) link.isDown = false;
};

/** What the agent says vanishes for a while, its results too; then the connection is gone. */
const loseAcknowledgement = async (victim: Victim): Promise<void> => {
  const link = linkOf(victim);
  link.swallowUp();
  await sleep(victim.dice.between(50, 3000));
  link.cut();
};

/** The agent gets a delivery and the coordinator never hears of that: it delivers again, to the next session. */
const deliverTwice = (victim: Victim): Promise<string | undefined> => {
  const link = linkOf(victim);
  return inTime(link.cutAfterDown(DELIVERY_BYTES), () => link.cut());
};

const stopCoordinator = async (victim: Victim): Promise<void> => {
  const { stack, runId, dice } = victim;
  const driver = driverIn(victim);
  const running = stack.coordinators.get(driver);
  const redis = stack.redis();
  try {
    const before = await redis.hget(keys.run(runId), 'fence');
    stack.frozen.add(driver);
    await running?.freeze();
    const giveUp = performance.now() + 2 * LONGER_THAN_LOCK_MS;
    const woken = performance.now() + LONGER_THAN_LOCK_MS;
    // It sleeps at least until somebody else has the run, where there is still a run to have.
    const isTaken = async () => (await redis.hget(keys.run(runId), 'fence')) !== before;
    const isOpen = async () => (await redis.sismember(keys.openRuns, runId)) !== 0;
    while (performance.now() < woken || (performance.now() < giveUp && !(await isTaken()))) {
      await sleep(50);
      if (!(await isOpen())) break;
    }
    if ((await isOpen()) && !(await isTaken())) throw new Error('nobody took the run while its driver slept');
    await sleep(dice.between(0, 1000));
  } finally {
    running?.thaw();
    stack.frozen.delete(driver);
    redis.disconnect();
  }
};

const stopAgent = async ({ stack, node, dice }: Victim): Promise<void> => {
  const running = stack.agents.get(node);
  await running?.freeze();
  await sleep(LONGER_THAN_LOCK_MS + dice.between(0, 1500));
  running?.thaw();
};

/** Redis did what it was asked for, and whoever asked never hears: it asks again on the next connection. */
const loseReply = ({ stack, runId }: Victim): Promise<string | undefined> =>
  inTime(stack.redisProxy.cutInsteadOfAnswer(keys.run(runId)), () => stack.redisProxy.cut());

export const faults = {
  'coordinator-kill': {
    says: 'kill -9 of the coordinator that drives the run',
    ...{ store: 'dice', standby: 'dice', strike: killCoordinator },
  },
  'coordinator-redis-kill': {
    says: 'kill -9 of coordinator and Redis together',
    ...{ store: 'dice', standby: false, strike: killCoordinatorAndRedis },
  },
  'agent-kill': { says: "kill -9 of the node's agent", store: 'shared', standby: false, strike: killAgent },
  'redis-kill': { says: 'kill -9 of Redis', store: 'dice', standby: false, strike: killRedis },
  'link-cut': {
    says: 'the connections between agents and coordinator are cut, and refused for a while',
    ...{ store: 'shared', standby: false, strike: cutLink },
  },
  'lost-acknowledgement': {
    says: 'what the agent says gets lost, then its connection',
    ...{ store: 'shared', standby: false, strike: loseAcknowledgement },
  },
  'duplicate-delivery': {
    says: 'the agent gets a delivery, and the connection ends before the coordinator hears of it',
    ...{ store: 'shared', standby: false, strike: deliverTwice },
  },
  'coordinator-stop': {
    says: 'SIGSTOP of the driving coordinator until another one has the run, then SIGCONT',
    ...{ store: 'shared', standby: true, strike: stopCoordinator },
  },
  'agent-stop': {
    says: "SIGSTOP of the node's agent for longer than a lock",
    ...{ store: 'shared', standby: false, strike: stopAgent },
  },
  'lost-reply': {
    says: 'Redis carries out a write of the run, and the reply is lost with the connection',
    ...{ store: 'shared', standby: false, strike: loseReply },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as FaultName[];
