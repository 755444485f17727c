import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { NodeObservation } from '../facts.ts';
import { foundOf } from '../found-settings.ts';
import { afterOther } from '../node-change.ts';
import { nodeStep } from '../node-step.ts';
import { fileSetting, itemsOf } from '../nodes.ts';
import { rollOrder } from '../order.ts';
import type { SentAuthority } from '../place/facts.ts';
import { foundAuthorities } from '../placed-files.ts';
import type { FoundSetting, FoundSettings } from '../records.ts';
import { type Removal, removalChange } from '../removal.ts';
import { type AnyStep, nodeKey } from '../steps.ts';
import type { TransportFacts } from './facts.ts';
import {
  AUTHORITIES,
  anchorsOf,
  BUNDLE,
  bundleFile,
  certificatesIn,
  isConfigured,
  isHeldElsewhere,
  truststore,
} from './trust.ts';

/** What of other clusters' CAs goes from the nodes of a cluster. */
export interface TrustLoss {
  readonly facts: TransportFacts;
  /** SHA-256 of the CAs that a connection needed. */
  readonly drops: readonly string[];
  /** Of those that other connections need. */
  readonly needed: readonly string[];
  /** What stood in elasticsearch.yml before. */
  readonly found: readonly FoundSettings[] | undefined;
}

/** A CA by which the nodes of a cluster trust each other stays where nothing else holds it, whoever brought it: without it the cluster would fall apart. */
const isOwnTrust = (facts: TransportFacts, node: NodeObservation, one: SentAuthority): boolean =>
  anchorsOf(facts).some(({ facts: { fingerprint256 } }) => fingerprint256 === one.facts.fingerprint256) &&
  !isHeldElsewhere(facts, node, one);

/** What stays in the file of a node; null where it has none, or none of it goes. */
const keptOn = ({ facts, drops, needed }: TrustLoss, node: NodeObservation): SentAuthority[] | null => {
  if (!isConfigured(node)) return null;
  const held = certificatesIn(node, BUNDLE);
  const kept = held.filter(
    (one) =>
      !drops.includes(one.facts.fingerprint256) ||
      needed.includes(one.facts.fingerprint256) ||
      isOwnTrust(facts, node, one),
  );
  return kept.length === held.length ? null : kept;
};

const foundOn = ({ facts, found }: TrustLoss, { name }: NodeObservation): Readonly<Record<string, FoundSetting>> =>
  foundOf(found, nodeKey({ cluster: facts.cluster.name, node: name }));

/** The list as it stood before where nobody changed it since, a truststore with it; else the list without the file. */
const settingsBack = (loss: TrustLoss, node: NodeObservation): Record<string, SettingValue | null> => {
  const found = foundOn(loss, node);
  const [now, list] = [fileSetting(node, AUTHORITIES), found[AUTHORITIES]];
  if (list === undefined || !sameSettingValue(now, list.made))
    return { [AUTHORITIES]: itemsOf(now).filter((path) => path !== BUNDLE) };
  const stores = truststore.flatMap((name) => {
    const before = found[name]?.before ?? null;
    return before === null ? [] : [[name, before] as const];
  });
  return { [AUTHORITIES]: list.before, ...Object.fromEntries(stores) };
};

/** Nodes that would trust nobody any more, since somebody changed what stands there: by name. */
export const leftWithoutTrust = (loss: TrustLoss): string[] =>
  loss.facts.cluster.nodes
    .filter((node) => keptOn(loss, node)?.length === 0 && itemsOf(settingsBack(loss, node)[AUTHORITIES]).length === 0)
    .filter((node) => foundOn(loss, node)[AUTHORITIES]?.before !== null)
    .map(({ name }) => name);

const removalOn = (loss: TrustLoss, node: NodeObservation): Omit<Removal, 'keystorePassword'> | null => {
  const kept = keptOn(loss, node);
  if (kept === null) return null;
  if (kept.length > 0) return { rewritten: bundleFile(kept) };
  const settings = settingsBack(loss, node);
  const named = itemsOf(settings[AUTHORITIES]);
  return {
    settings,
    files: [
      { path: BUNDLE, what: 'CA certificates of the transport ports of connected clusters' },
      ...(named.includes(foundAuthorities)
        ? []
        : [{ path: foundAuthorities, what: 'CA certificates that stand in the truststore' }]),
    ],
  };
};

/** Steps that take other clusters' CAs off the nodes of a cluster; `isAfterOther` where the plan changes these nodes before. */
export const trustRemovalSteps = (
  loss: TrustLoss,
  stages: { readonly roll: string; readonly files: string },
  later: { readonly phase?: number; readonly isAfterOther?: boolean } = {},
): AnyStep[] => {
  const { cluster } = loss.facts;
  return rollOrder(cluster.nodes).flatMap((node) => {
    if (node.agent.state !== 'online') return [];
    const removal = removalOn(loss, node);
    const change = removal && removalChange(node.agent.facts, { ...removal, keystorePassword: null });
    if (!change) return [];
    const own = later.isAfterOther ? afterOther(change) : change;
    const effect = change.restart ? 'restart' : 'file';
    const parts = { cluster, node, change: own, effect, stages, prefix: 'distrust' } as const;
    return [nodeStep({ ...parts, ...(later.phase === undefined ? {} : { phase: later.phase }) })];
  });
};

/** CAs that stay on nodes of the cluster because it lives on them itself, by subject. */
export const keptAsOwn = ({ facts, drops, needed }: TrustLoss): string[] => [
  ...new Set(
    facts.cluster.nodes
      .filter(isConfigured)
      .flatMap((node) => certificatesIn(node, BUNDLE).filter((one) => isOwnTrust(facts, node, one)))
      .filter(({ facts: { fingerprint256 } }) => drops.includes(fingerprint256) && !needed.includes(fingerprint256))
      .map((one) => one.facts.subject),
  ),
];
