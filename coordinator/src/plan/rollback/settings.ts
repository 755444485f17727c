import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { FlatSettings } from '../facts.ts';
import type { AnyStep } from '../steps.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';

export const ALIAS_STAGE = 'settings';

/** Steps of one kind, and what could not be put back. */
export interface Part {
  readonly steps: readonly AnyStep[];
  readonly warnings: readonly string[];
  readonly findings: readonly string[];
}

/** What one cluster's settings go back to. */
interface Target {
  readonly back: Map<string, SettingValue | null>;
  readonly foreign: Set<string>;
}

const standingValue = (now: FlatSettings, name: string): SettingValue | null => now[name] ?? null;

/** Goes back over the steps, newest first: as long as a setting is what a step made of it, it becomes what stood there before that step. */
const targets = ({ run, settings }: RollbackFacts): Map<string, Target> => {
  const all = new Map<string, Target>();
  for (const step of run.plan.steps.toReversed()) {
    const before = beforeOf(run.steps.get(step.id)) as Readonly<Record<string, SettingValue | null>> | undefined;
    if (step.kind !== 'cluster-settings.put' || before === undefined) continue;
    const { cluster, persistent } = step.input;
    const target = all.get(cluster) ?? { back: new Map(), foreign: new Set() };
    all.set(cluster, target);
    for (const [name, made] of Object.entries(persistent)) {
      const standing = target.back.has(name)
        ? (target.back.get(name) ?? null)
        : standingValue(settings.get(cluster) ?? {}, name);
      const was = before[name] ?? null;
      if (sameSettingValue(standing, was)) continue;
      if (sameSettingValue(standing, made)) target.back.set(name, was);
      else target.foreign.add(name);
    }
  }
  return all;
};

const text = (value: SettingValue | null): string => (Array.isArray(value) ? `[${value.join(', ')}]` : String(value));

const diffOf = (now: FlatSettings, back: ReadonlyMap<string, SettingValue | null>): string =>
  [...back]
    .flatMap(([name, value]) => {
      const standing = standingValue(now, name);
      return [
        ...(standing === null ? [] : [`- ${name}: ${text(standing)}`]),
        ...(value === null ? [] : [`+ ${name}: ${text(value)}`]),
      ];
    })
    .join('\n');

/** Settings of an alias that would be left without an address: Elasticsearch takes no such request, and they are somebody else's. */
const orphans = (now: FlatSettings, { back }: Target): string[] => {
  const after = Object.keys(now).filter((name) => back.get(name) !== null);
  const kept = [...after, ...[...back].filter(([, value]) => value !== null).map(([name]) => name)];
  const gone = [...back].filter(([name, value]) => value === null && /\.(seeds|proxy_address)$/.test(name));
  return gone.flatMap(([name]) => {
    const alias = name.slice(0, name.lastIndexOf('.') + 1);
    const own = kept.filter((one) => one.startsWith(alias));
    return own.some((one) => /\.(seeds|proxy_address)$/.test(one)) ? [] : own;
  });
};

/** Puts settings of clusters (aliases) back to what stood before the run. */
export const settingsPart = (facts: RollbackFacts): Part => {
  const steps: AnyStep[] = [];
  const [warnings, findings]: [string[], string[]] = [[], []];
  for (const [cluster, target] of targets(facts)) {
    const now = facts.settings.get(cluster) ?? {};
    for (const name of target.foreign)
      warnings.push(`${name} of cluster ${cluster} was changed by somebody else since, and stays as it is.`);
    const left = orphans(now, target);
    if (left.length > 0)
      findings.push(
        `Cluster ${cluster} has ${left.join(', ')}, which somebody else set since and which Elasticsearch does not take without the alias: remove that first.`,
      );
    if (target.back.size === 0) continue;
    steps.push({
      ...{ id: `put-back-settings-${cluster}`, kind: 'cluster-settings.put', target: cluster, effect: 'api' },
      reason: 'the run wrote other values',
      ...{ diff: diffOf(now, target.back), stage: ALIAS_STAGE },
      input: { cluster, persistent: Object.fromEntries(target.back) },
    });
  }
  return { steps, warnings, findings };
};
