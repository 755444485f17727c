import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { OperationCall } from '@remora/shared/operations.ts';
import { type AgentProcess, type NodeBed, op, setting } from './agent-harness.ts';

/** Crashes of an agent at a moment of its work. The moments are found by watching its journal, as nothing in the agent waits for a test. */

/** Freezes the agent in a phase of a delivery as soon as something is so; false when that went by unseen, as it may on a machine that is busy. */
export const freezeIn = async (
  bed: NodeBed,
  agent: AgentProcess,
  { id, phase, isSo = () => true }: { id: string; phase: string; isSo?: () => boolean },
): Promise<boolean> => {
  const now = (): string | undefined => {
    const record = bed.record();
    return record?.id === id ? record.phase : undefined;
  };
  for (const deadline = Date.now() + 90_000; now() !== phase || !isSo(); await turn()) {
    if (now() === 'finished') return false;
    if (Date.now() > deadline) throw new Error(`the journal did not reach ${phase}: ${now()}\n${agent.stderr()}`);
  }
  await agent.freeze();
  return now() === phase;
};

/**
 * Delivers, again if it has to, until the agent is caught in a phase while something is so, and crashes it there. `prepare` goes before each attempt. Resolves
 * with the number of the attempt.
 */
export const crashWhile = async (
  bed: NodeBed,
  agent: AgentProcess,
  phase: string,
  delivery: (attempt: number) => readonly OperationCall[],
  isSo: (attempt: number) => boolean,
  prepare: (attempt: number) => Promise<void> = async () => undefined,
): Promise<{ attempt: number; id: string; yml: string }> => {
  for (let attempt = 1; ; attempt++) {
    const id = `r/s/${attempt}`;
    await prepare(attempt);
    const yml = await bed.yml();
    bed.gateway.send(delivery(attempt), { id });
    if ((await freezeIn(bed, agent, { id, phase, isSo: () => isSo(attempt) })) && isSo(attempt)) {
      await agent.crash();
      return { attempt, id, yml };
    }
    agent.child.kill('SIGCONT');
    await bed.gateway.result(id);
  }
};

const LAST = 49;
const nameOf = (attempt: number, index: number): string => `${attempt}-${index}.crt`;
const contentOf = (attempt: number, index: number): string => `new ${attempt} ${index}`;

/** So many files that the agent can be caught while it works on them, other ones at each attempt. */
export const manyFiles = (attempt: number): OperationCall => {
  const write = Array.from({ length: LAST + 1 }, (_, index) => ({
    path: nameOf(attempt, index),
    content: Buffer.from(contentOf(attempt, index)).toString('base64'),
    source: 's',
    mode: 0o640,
  }));
  return op('files', { write, remove: [] });
};

export const isPlaced = (bed: NodeBed, attempt: number, index: number): boolean =>
  existsSync(join(bed.configDir, nameOf(attempt, index)));

/** Crashes the agent while it places files, of which the one with number `placed` is there. */
export const crashWhilePlacing = async (
  bed: NodeBed,
  agent: AgentProcess,
  placed: number,
  ...more: readonly OperationCall[]
) => {
  const { attempt, id, yml } = await crashWhile(
    bed,
    agent,
    'committed',
    (at) => [manyFiles(at), setting({ a: at }), ...more],
    (at) => isPlaced(bed, at, placed) && !isPlaced(bed, at, LAST),
  );
  const path = (index: number): string => nameOf(attempt, index);
  return { id, yml, path, content: (index: number): string => contentOf(attempt, index), set: `a: ${attempt}` };
};
