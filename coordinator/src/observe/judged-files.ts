import { messageOf } from '@remora/shared/errors.ts';
import type { NodeObservation } from '../plan/facts.ts';
import type { ObserveParts } from './observe-nodes.ts';

const READ_TIMEOUT_MS = 60_000;

/** The node with what stands in these of its files, judged: whether a key is encrypted, and whom trust restrictions let in, is told only so. */
export const withJudgedFiles = async (
  parts: Pick<ObserveParts, 'agents'>,
  cluster: string,
  node: NodeObservation,
  files: readonly string[],
): Promise<NodeObservation> => {
  const { agent } = node;
  if (agent.state !== 'online' || files.length === 0) return node;
  try {
    const input = { settings: [], files: [...files], keystore: false, judge: true };
    const found = await parts.agents.read({ cluster, node: node.name }, 'inspect', input, {
      timeoutMs: READ_TIMEOUT_MS,
    });
    const known = agent.facts.files.filter(({ path }) => !files.includes(path));
    return { ...node, agent: { ...agent, facts: { ...agent.facts, files: [...known, ...found.files] } } };
  } catch (error) {
    return { ...node, agent: { state: 'failed', reason: messageOf(error) } };
  }
};
