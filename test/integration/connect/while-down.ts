import { setTimeout as sleep } from 'node:timers/promises';
import type { EsNode } from '../../elasticsearch/node.ts';
import type { CliAnswer } from '../../support/fleet.ts';

/** Waits until a node was stopped for its restart, unless the run ends before. */
export const whileDown = async (node: EsNode | undefined, following: Promise<CliAnswer>): Promise<void> => {
  const ended = following.then(({ code, stderr }) => {
    throw new Error(`the run ended with ${code} before ${node?.name} was stopped:\n${stderr}`);
  });
  const down = async (): Promise<void> => {
    while (node?.pid() !== undefined) await sleep(20);
  };
  await Promise.race([down(), ended]);
};
