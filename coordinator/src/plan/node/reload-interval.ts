import { parseDuration } from '@remora/shared/model/values/duration.ts';
import type { ClusterObservation, FlatSettings, NodeObservation } from '../facts.ts';
import type { Finding } from './agent-findings.ts';

/** The default of `resource.reload.interval.high`. */
const DEFAULT_MS = 5000;
/** For an interval in a unit that is not read here. */
const LONG_MS = 60_000;

/** How often a process looks whether its certificate files changed, in ms, by its settings; null when it does not. */
export const reloadInterval = (settings: FlatSettings): number | null => {
  if (settings['resource.reload.enabled'] === 'false') return null;
  const given = settings['resource.reload.interval.high'];
  if (given === undefined) return DEFAULT_MS;
  try {
    return parseDuration(String(given));
  } catch {
    return LONG_MS;
  }
};

/** A process that never looks at its files again would take a new certificate or CA at its next restart only. */
export const reloadFindings = (node: NodeObservation, cluster: ClusterObservation): Finding[] =>
  reloadInterval(node.settings) === null
    ? [
        [
          'preflight-failed',
          `Node ${node.name} (cluster ${cluster.name}) does not look at its files again (resource.reload.enabled: false): it would need a restart for each file. Take the setting out of elasticsearch.yml first.`,
        ],
      ]
    : [];
