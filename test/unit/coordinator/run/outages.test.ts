import { RemoraError } from '@remora/shared/errors.ts';
import { describe, expect, test } from 'vitest';
import { newId } from '../../../../coordinator/src/run/engine.ts';
import { outlast } from '../../../../coordinator/src/run/outlast.ts';
import { stopWith } from '../../../../coordinator/src/run/stop-with.ts';
import { isStoreFailure } from '../../../../coordinator/src/store/store-failure.ts';

const never = new Promise<never>(() => undefined);

describe('what counts as Redis being away', () => {
  test.each([
    [new Error('Connection is closed.'), true],
    [new Error('Command timed out'), true],
    [new Error('LOADING Redis is loading the dataset in memory'), true],
    [new Error('READONLY You can’t write against a read only replica.'), true],
    [Object.assign(new Error('Reached the limit'), { name: 'MaxRetriesPerRequestError' }), true],
    [new RemoraError('store-unavailable', 'Redis does not answer.'), true],
    [new RemoraError('delivery-timeout', 'Command timed out, said an agent.'), false],
    [new Error('WRONGTYPE Operation against a key'), false],
    [new Error('Request timed out'), false],
    ['Connection is closed.', false],
  ])('%s', (error, expected) => {
    expect(isStoreFailure(error)).toBe(expected);
  });
});

describe('outlasting', () => {
  test('repeats through an outage and answers then', async () => {
    let tries = 0;
    const act = async (): Promise<number> => {
      tries += 1;
      if (tries < 3) throw new Error('Connection is closed.');
      return tries;
    };
    expect(await outlast(new AbortController().signal, act)).toBe(3);
  });

  test('passes every other failure on, and stops with the signal', async () => {
    await expect(outlast(new AbortController().signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const stopping = new AbortController();
    const waiting = outlast(stopping.signal, () => Promise.reject(new Error('Connection is closed.')));
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('stopping work', () => {
  test('lets work end that notices, and gives up on work that does not', async () => {
    const stopping = new AbortController();
    const reason = new Error('stop');
    const work = Promise.withResolvers<string>();
    const noticed = stopWith(stopping.signal, 60_000, work.promise);
    const deaf = stopWith(stopping.signal, 10, never);
    stopping.abort(reason);
    work.resolve('done');
    expect(await noticed).toBe('done');
    await expect(deaf).rejects.toBe(reason);
  });

  test('also when the signal came first', async () => {
    const reason = new Error('stop');
    await expect(stopWith(AbortSignal.abort(reason), 1, never)).rejects.toBe(reason);
  });
});

test('ids sort by time and differ within a ms', () => {
  const at = (ms: number): string => newId('run', new Date(ms));
  const ids = [1e12, 1e12 + 1, 2e12, 9e12].map(at);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(Array.from({ length: 1000 }, () => at(1e12))).size).toBe(1000);
});
