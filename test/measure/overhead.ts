import type { RunEvent } from '@remora/shared/model/run.ts';

/**
 * How long nodes themselves took in a run: from the moment that a node is told to stop until its step is done (stopped, started, back in the cluster, shards
 * recovered). Everything else in the run's time is orchestration: planning steps, gates, keystores, files, certificates, keys and proofs.
 */
export const overheadOf = (
  events: readonly RunEvent[],
): { nodesMs: number; byNode: { node: string; ms: number }[] } => {
  const stopping = events.filter(({ message }) => message === 'stopping');
  const byNode = stopping.flatMap(({ stepId, at }) => {
    const end = events.find((event) => event.stepId === stepId && event.status === 'succeeded');
    return end ? [{ node: stepId ?? '', ms: Date.parse(end.at) - Date.parse(at) }] : [];
  });
  return { nodesMs: byNode.reduce((sum, { ms }) => sum + ms, 0), byNode };
};
