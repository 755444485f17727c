import type { Run, RunEvent } from '@remora/shared/model/run.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import { plain, wrap } from '../text.ts';

/** One thing that a step did, and how long. */
interface Span {
  readonly stepId: string;
  readonly phase: string;
  readonly ms: number;
}

/** What people would call it, whichever node or gate it was. */
const nameOf = (message: string): string => {
  if (message.startsWith('waiting, gate closed')) return 'waiting at a gate';
  if (message.startsWith('waiting for the agent')) return 'waiting for an agent';
  return plain(message);
};

/** From each event of a step to its next one. The first one only says why the step is there. */
const spansOf = (events: readonly RunEvent[]): Span[] => {
  const open = new Map<string, { phase: string; sinceMs: number }>();
  const spans: Span[] = [];
  for (const { stepId, at, status, message } of events) {
    if (stepId === null) continue;
    const atMs = Date.parse(at);
    const before = open.get(stepId);
    if (before) spans.push({ stepId, phase: before.phase, ms: Math.max(0, atMs - before.sinceMs) });
    if (['succeeded', 'failed', 'undone', 'pending'].includes(status)) open.delete(stepId);
    else open.set(stepId, { phase: before ? nameOf(message) : 'preparing', sinceMs: atMs });
  }
  return spans;
};

const SHOWN = 4;

/** The longest of what the spans did, added up by name: `starting 38.1 s, …`; empty when nothing took any time. */
const longest = (spans: readonly Span[]): string => {
  const sums = new Map<string, number>();
  for (const { phase, ms } of spans) sums.set(phase, (sums.get(phase) ?? 0) + ms);
  return [...sums]
    .filter(([, ms]) => ms >= 100)
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([phase, ms]) => `${phase} ${formatDuration(ms)}`)
    .join(', ');
};

/** Which node took longest and with what, and where the time of the whole run went, as lines for people. Steps that run side by side are added up. */
export const timingLines = (run: Run, events: readonly RunEvent[]): string[] => {
  const spans = spansOf(events);
  const all = longest(spans);
  const restarted = run.steps
    .filter(({ kind, target }) => kind === 'node.change' && run.restarts.includes(target))
    .map(({ id, target }) => ({ target, spans: spans.filter(({ stepId }) => stepId === id) }))
    .map((node) => ({ ...node, ms: node.spans.reduce((sum, { ms }) => sum + ms, 0) }))
    .sort((a, b) => b.ms - a.ms);
  const [slowest] = restarted;
  return [
    ...(slowest && restarted.length > 1
      ? [wrap(`slowest node: ${slowest.target}, ${formatDuration(slowest.ms)} (${longest(slowest.spans)})`, '  ')]
      : []),
    ...(all === '' ? [] : [wrap(`where the time went: ${all}`, '  ')]),
  ];
};
