import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBed, entry, inspection, type NodeBed, runAgentCli } from '../../support/agent-harness.ts';

/** An agent that wrote something for its store, stopped, and joined again. */
let bed: NodeBed;
beforeAll(async () => {
  bed = await createBed();
  await bed.join();
});
afterAll(() => bed[Symbol.asyncDispose]());

const NAME = 'cluster.remote.us.credentials';
const ledger = (): Promise<string> => readFile(join(bed.dataDir, 'ledger.json'), 'utf8').catch(() => '');

/** Writes a keystore entry with the fence, stops the agent and joins it again. */
const writeAndRejoin = async (fence: number, change: () => void): Promise<void> => {
  const agent = await bed.startAgent();
  const { outcome } = await bed.gateway.deliver([entry(NAME, `value-${fence}`)], { fence });
  expect(outcome).toBe('done');
  expect(await agent.stop()).toBe(0);
  expect(await ledger()).toContain(NAME);
  change();
  const rejoined = await runAgentCli(['join', '--token-file', '-', ...bed.joinArgs, '--force'], bed.gateway.token());
  expect(rejoined).toMatchObject({ code: 0 });
};

/** What the agent says of the entry, and its hello. */
const facts = async () => {
  const agent = await bed.startAgent();
  const { results } = await bed.gateway.deliver([inspection({ settings: [] })], { fence: 0 });
  await agent.stop();
  return results[0] as {
    agent: { fence: number };
    keystore: { entries: { name: string; reference: string | null }[] };
  };
};
const referenceOf = ({ keystore }: Awaited<ReturnType<typeof facts>>) =>
  keystore.entries.find(({ name }) => name === NAME)?.reference;

test('to the same store, it keeps what it knows', async () => {
  await writeAndRejoin(5, () => undefined);
  const kept = await facts();
  expect(kept.agent.fence).toBe(5);
  expect(referenceOf(kept)).toEqual(expect.any(String));
});

test("to another store, it knows nothing of what it wrote: the entry is there, and nobody's", async () => {
  await writeAndRejoin(6, () => {
    bed.gateway.storeId = 'store-2';
    bed.gateway.fence = 0;
  });
  const fresh = await facts();
  expect(fresh.agent.fence).toBe(0);
  expect(referenceOf(fresh)).toBeNull();
});

test('to its store, restored to a time before what it saw, it knows nothing either', async () => {
  await writeAndRejoin(8, () => {
    bed.gateway.fence = 7;
  });
  const fresh = await facts();
  expect(fresh.agent.fence).toBe(0);
  expect(referenceOf(fresh)).toBeNull();
});
