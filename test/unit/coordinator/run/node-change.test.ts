import type { RemoraError } from '@remora/shared/errors.ts';
import type { ChangeOperation, OperationCall } from '@remora/shared/operations.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { StepInputs } from '../../../../coordinator/src/plan/steps.ts';
import type { StepContext, StepMemory } from '../../../../coordinator/src/run/executor.ts';
import { Batch } from '../../../../coordinator/src/run/stage/batch.ts';
import { StepPostponed } from '../../../../coordinator/src/run/stage/halt.ts';
import { nodeChangeStep } from '../../../../coordinator/src/run/steps/node/node-change.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const STARTED = 2000;

type StartOf = (looks: number) => number;

/** A healthy cluster of these nodes, which began anew whenever they are looked at unless `startOf` says otherwise; answers what a restart asks for. */
const startCluster = async (names: readonly string[], startOf: StartOf): Promise<StepParts['clients']> => {
  let looks = 0;
  const node = { version: '9.5.3', roles: ['data'], host: '127.0.0.1', process: { id: 7 } };
  const answers: Record<string, object> = {
    '/_cluster/state/master_node': { master_node: 'id' },
    '/_cluster/settings': { acknowledged: true, persistent: {}, transient: {} },
    '/_cluster/health': { status: 'green', initializing_shards: 0, number_of_nodes: names.length },
  };
  const us = await startWireCluster(({ url }) => {
    if (url?.startsWith('/_nodes/settings')) {
      looks += 1;
      const jvm = { start_time_in_millis: startOf(looks) };
      answers['/_nodes/settings'] = {
        nodes: Object.fromEntries(names.map((name) => [name, { ...node, name, jvm, settings: {} }])),
      };
    }
    const found = Object.entries(answers).find(([path]) => url?.startsWith(path));
    return { body: found?.[1] ?? {} };
  });
  return clientsOf({ us });
};

const change: StepInputs['node.change'] = {
  ...{ cluster: 'us', node: 'us-1', baseline: { health: 'green', nodes: 1 } },
  outageStated: { master: true, data: 'all' },
  operations: [
    { name: 'settings', input: { set: { a: 1 }, remove: [], expectDigest: 'planned' } },
    { name: 'service', input: { action: 'restart', startTimeoutMs: 1000, replaces: '1:1' } },
  ],
};

const resultOf = (outcome: Result['outcome']): Result => {
  const error = { code: outcome === 'refused' ? 'delivery-late' : 'step-undone', message: outcome } as const;
  return { type: 'result', id: 'r/s/1', outcome, results: [], error: outcome === 'done' ? null : error };
};

const partsOf = async (nodes: readonly string[], startOf: StartOf = (looks) => STARTED + looks): Promise<StepParts> => {
  const parts: Partial<StepParts> = {
    clients: await startCluster(nodes, startOf),
    clock: () => new Date(),
    isOnline: async () => true,
    agents: {
      read: async () => ({ settingsFile: { digest: 'now' }, process: { identity: '2:2', pid: 7 } }) as never,
    } as never,
  };
  return parts as StepParts;
};

/** A step's context that remembers this, with gates overridden. */
const contextOf = (memory: Partial<StepMemory>, agent: StepContext['change']): StepContext => {
  const context: Partial<StepContext> = {
    memory: { intent: null, before: null, result: null, kept: null, ...memory },
    options: { override: ['cluster-answers'], reason: 'there is no cluster' },
    batch: new Batch([change]),
    signal: new AbortController().signal,
    remember: async () => undefined,
    phase: async () => undefined,
    checkFence: async () => undefined,
    haltIfCancelled: async () => undefined,
    setRestore: async () => undefined,
    putBack: async () => undefined,
    restarted: async () => undefined,
    sleep: async () => undefined,
    change: agent,
  };
  return context as StepContext;
};

/** Carries the step out as an attempt that remembers this; answers what the agent was asked for. */
const carryOut = async (
  memory: Partial<StepMemory>,
  results: readonly Result['outcome'][],
  { wanted = change, startOf }: { wanted?: typeof change; startOf?: (asked: number) => number } = {},
) => {
  const asked: { operations: readonly OperationCall<ChangeOperation>[]; freshForMs?: number | undefined }[] = [];
  const remembered: Partial<StepMemory>[] = [];
  const context: StepContext = {
    ...contextOf(memory, async (_node, operations, { freshForMs }) => {
      const outcome = results[asked.length] ?? 'refused';
      asked.push({ operations, freshForMs });
      return resultOf(outcome);
    }),
    remember: async (patch) => void remembered.push(patch),
  };
  const ended = nodeChangeStep(await partsOf(['us-1'], startOf && (() => startOf(asked.length))))(context, wanted);
  return {
    asked,
    remembered,
    ended: await ended.then(
      () => 'done',
      (error: Error) => (error instanceof StepPostponed ? 'postponed' : (error as RemoraError).code),
    ),
  };
};

test('a node that was restarted with the change, and whose cluster only took too long, is not restarted again', async () => {
  const { asked, ended } = await carryOut({ kept: { began: true, doneSince: STARTED - 1 } }, []);
  expect([asked, ended]).toEqual([[], 'done']);
});

test('after an attempt that was taken back the file and the process are those of now, in a first one those of the plan', async () => {
  const inputs = async (memory: Partial<StepMemory>) =>
    (await carryOut(memory, ['undone'])).asked.map(({ operations }) =>
      operations.map(({ input }) =>
        'expectDigest' in input ? input.expectDigest : 'replaces' in input && input.replaces,
      ),
    );
  expect(await inputs({ kept: { began: true } })).toEqual([['now', '2:2']]);
  expect(await inputs({})).toEqual([['planned', '1:1']]);
});

test('an attempt that was taken back is kept in mind, one that began nothing is not', async () => {
  const undone = await carryOut({}, ['undone']);
  expect(undone.ended).toBe('step-undone');
  expect(undone.remembered).toContainEqual({ kept: { began: true } });
});

test('a restart that came too late is left for its next turn; after a crash the agent is asked for what was begun', async () => {
  const late = await carryOut({}, ['refused']);
  expect(late.ended).toBe('postponed');
  const [freshForMs] = late.asked.map((one) => one.freshForMs);
  expect(freshForMs).toBeGreaterThan(0);
  expect(freshForMs).toBeLessThanOrEqual(30_000);
  const crashed = await carryOut({ intent: { sent: true, startedAtMs: 1 } }, ['refused']);
  expect([crashed.asked.map(({ freshForMs }) => freshForMs), crashed.ended]).toEqual([[0], 'postponed']);
});

test('a restart whose gates were looked at too long ago is left for its next turn, and the agent is asked for nothing', async () => {
  const parts = await partsOf(['us-1']);
  const now = performance.now.bind(performance);
  let ahead = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead);
  onTestFinished(() => clock.mockRestore());
  const done: string[] = [];
  const context: StepContext = {
    ...contextOf({}, async () => {
      done.push('asked');
      return resultOf('done');
    }),
    // Pausing allocation comes after the gates.
    setRestore: async () => {
      ahead = 31_000;
    },
    remember: async () => void done.push('remembered'),
    putBack: async () => void done.push('allocation back'),
  };
  await expect(nodeChangeStep(parts)(context, change)).rejects.toThrow(StepPostponed);
  expect(done).toEqual(['allocation back']);
});

describe('a node whose agent was away when the plan was made', () => {
  const seenBefore = (pid: number): typeof change => ({
    ...change,
    operations: [{ name: 'service', input: { action: 'restart', startTimeoutMs: 1000 } }],
    unseen: { pid, startedAtMs: STARTED },
  });
  const restartsOnce = (asked: number): number => STARTED + asked;

  test('is looked at when it is back: the process that the plan meant is restarted, by its identity', async () => {
    const { asked, ended } = await carryOut({}, ['done'], { wanted: seenBefore(7), startOf: restartsOnce });
    expect([asked.map(({ operations }) => operations[0]?.input), ended]).toEqual([
      [{ action: 'restart', startTimeoutMs: 1000, replaces: '2:2' }],
      'done',
    ]);
  });

  test('is asked before the gates are looked at for good: its agent may take minutes to answer', async () => {
    const parts = await partsOf(['us-1'], () => STARTED);
    const done: string[] = [];
    const read = async () => {
      done.push('asked what is there');
      return { settingsFile: { digest: 'now' }, process: { identity: '2:2', pid: 7 } } as never;
    };
    const context: StepContext = {
      ...contextOf({}, async () => resultOf('refused')),
      setRestore: async () => void done.push('allocation paused'),
    };
    const ended = nodeChangeStep({ ...parts, agents: { read } as never })(context, seenBefore(7));
    await expect(ended).rejects.toThrow(StepPostponed);
    expect(done).toEqual(['asked what is there', 'allocation paused']);
  });

  test('is left alone when its agent turns out to sit beside another process', async () => {
    const { asked, ended } = await carryOut({}, ['done'], { wanted: seenBefore(8), startOf: restartsOnce });
    expect([asked, ended]).toEqual([[], 'wrong-node']);
  });

  test('is looked at again when it is being restarted and its agent is faster than the cluster', async () => {
    // The first look at the cluster is before the gates.
    let looks = 0;
    const startOf = (): number => (looks++ === 0 ? STARTED : STARTED + 1);
    const { asked, ended } = await carryOut({}, ['done'], { wanted: seenBefore(8), startOf });
    expect([asked, ended]).toEqual([[], 'postponed']);
  });

  test('needs nothing when it was restarted meanwhile; an attempt that was taken back is made again all the same', async () => {
    const startOf = (): number => STARTED + 1;
    const { asked, ended } = await carryOut({}, ['done'], { wanted: seenBefore(7), startOf });
    expect([asked, ended]).toEqual([[], 'done']);
    const again = await carryOut({ kept: { began: true } }, ['undone'], { wanted: seenBefore(7), startOf });
    expect([again.asked.length, again.ended]).toEqual([1, 'step-undone']);
  });
});

describe('two nodes that restart side by side', () => {
  /** Carries both out; `agents` says what becomes of each when asked. Answers what was done, in order. */
  const restartBoth = async (agents: Readonly<Record<string, () => Promise<Result['outcome']>>>) => {
    const done: string[] = [];
    const changes = Object.keys(agents).map((node) => ({ ...change, node }));
    const batch = new Batch(changes);
    const parts = await partsOf(Object.keys(agents));
    const ends = changes.map(async (one) => {
      const context: StepContext = {
        ...contextOf({}, async () => {
          const outcome = (await agents[one.node]?.()) ?? 'done';
          done.push(`${one.node} ${outcome}`);
          return resultOf(outcome);
        }),
        batch,
        setRestore: async () => void done.push('allocation paused'),
        putBack: async () => void done.push('allocation back'),
      };
      await nodeChangeStep(parts)(context, one).catch(
        (error: Error) => void done.push(`${one.node}: ${error.message}`),
      );
      batch.arrive(one.node, { isBack: true });
    });
    await Promise.all(ends);
    return done;
  };

  /** The first four, of which the two agents answer in any order. */
  const middleSorted = (done: readonly string[]): (string | undefined)[] => [
    done[0],
    ...done.slice(1, 3).sort(),
    done[3],
  ];

  test('have allocation paused once, and put back when the last one is there', async () => {
    const first = Promise.withResolvers<void>();
    const done = await restartBoth({
      'us-1': async () => {
        await first.promise;
        return 'done';
      },
      'us-2': async () => {
        first.resolve();
        return 'done';
      },
    });
    expect(done).toEqual(['allocation paused', 'us-2 done', 'us-1 done', 'allocation back']);
  });

  test('of which one is taken back: allocation waits for both', async () => {
    const done = await restartBoth({ 'us-1': async () => 'undone', 'us-2': async () => 'done' });
    expect(middleSorted(done)).toEqual(['allocation paused', 'us-1 undone', 'us-2 done', 'allocation back']);
    expect(done.slice(4)).toEqual(['us-1: Node us-1 of cluster us: the change was taken back: undone']);
  });

  test('of which one comes too late: that one is left, and the other finishes', async () => {
    const done = await restartBoth({ 'us-1': async () => 'refused', 'us-2': async () => 'done' });
    expect(middleSorted(done)).toEqual(['allocation paused', 'us-1 refused', 'us-2 done', 'allocation back']);
    expect(done.slice(4)).toEqual(['us-1: the agent of us-1 got it too late to begin; its turn comes again']);
  });
});
