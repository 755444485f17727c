import { RemoraError } from '@remora/shared/errors.ts';
import { expect, test } from 'vitest';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { askUntil } from '../../../../coordinator/src/run/steps/ask-until.ts';

/** A context whose pauses are short, and counted. */
const waiting = () => {
  let slept = 0;
  const sleep = async (ms: number): Promise<void> => {
    slept += 1;
    await new Promise((resolve) => setTimeout(resolve, ms / 50));
  };
  return { context: { sleep } as unknown as StepContext, slept: () => slept };
};

const sentence = (why: string): string => `It is not so: ${why}.`;

test('a node that does not answer once is asked again', async () => {
  const answers = [
    () => Promise.reject(new RemoraError('elasticsearch-error', 'No answer within 10 s.')),
    async () => 'not yet',
    () => Promise.reject(new RemoraError('cluster-unreachable', 'No master.')),
    async () => null,
  ];
  const { context, slept } = waiting();
  await askUntil(context, 60_000, () => (answers.shift() ?? (async () => null))(), { sentence });
  expect([slept(), answers.length]).toEqual([3, 0]);
});

test('when the time is over, the last reason is said', async () => {
  const { context } = waiting();
  const ask = () => Promise.reject(new RemoraError('elasticsearch-error', 'No answer within 10 s.'));
  await expect(askUntil(context, 5, ask, { sentence, hint: 'Look there.' })).rejects.toMatchObject({
    code: 'step-failed',
    message: 'It is not so: No answer within 10 s.',
    hint: 'Look there.',
  });
});

test('what does not pass ends it at once', async () => {
  const { context, slept } = waiting();
  const ask = () => Promise.reject(new RemoraError('agent-offline', 'It is away.'));
  await expect(askUntil(context, 60_000, ask, { sentence })).rejects.toMatchObject({ code: 'agent-offline' });
  expect(slept()).toBe(0);
});
