import { sameSettingValue } from '@remora/shared/settings.ts';
import type { FoundSetting } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { fileSetting } from '../node/nodes.ts';

/** Settings on record that stand in elasticsearch.yml neither as Remora made them nor as they were before: somebody changed them since, and they stay. By name, sorted. */
export const changedSince = (node: NodeObservation, found: Readonly<Record<string, FoundSetting>>): string[] =>
  node.agent.state !== 'online'
    ? []
    : Object.entries(found)
        .filter(([name, { before, made }]) => {
          const now = fileSetting(node, name);
          return !sameSettingValue(now, made) && !sameSettingValue(now, before);
        })
        .map(([name]) => name)
        .sort();
