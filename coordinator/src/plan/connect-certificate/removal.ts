import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { FoundSetting, FoundSettings } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { foundOf } from '../node/found-settings.ts';
import { afterOther } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { nodeStep } from '../node/node-step.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { foundAuthorities } from '../node/placed-files.ts';
import { type Removal, removalChange } from '../node/removal.ts';
import { rollOrder } from '../order.ts';
import type { SentAuthority } from '../place/facts.ts';
import type { AnyStep } from '../steps.ts';
import type { TransportFacts } from './facts.ts';
import { AUTHORITIES, BUNDLE, bundleFile, certificatesIn, heldElsewhere, isConfigured, truststore } from './trust.ts';

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

const fingerprintOf = ({ facts }: SentAuthority): string => facts.fingerprint256;

/** What stays in the file of a node for others, or since nobody here brought it. */
const keptForOthers = ({ drops, needed }: TrustLoss, held: readonly SentAuthority[]): SentAuthority[] =>
  held.filter((one) => !drops.includes(fingerprintOf(one)) || needed.includes(fingerprintOf(one)));

/**
 * Of the CAs in the file of a node those that it needs for its own cluster: some node of that is let in by none of what else stays. Whoever brought them, without them the
 * cluster would fall apart.
 */
const ownTrust = (loss: TrustLoss, node: NodeObservation, held: readonly SentAuthority[]): SentAuthority[] => {
  const others = [...heldElsewhere(node), ...keptForOthers(loss, held).map(fingerprintOf)];
  const lost = [...loss.facts.waysIn.values()].filter((ways) => !ways.some((one) => others.includes(one)));
  return held.filter((one) => lost.some((ways) => ways.includes(fingerprintOf(one))));
};

/** What stays in the file of a node; null where it has none, or none of it goes. */
const keptOn = (loss: TrustLoss, node: NodeObservation): SentAuthority[] | null => {
  if (!isConfigured(node)) return null;
  const held = certificatesIn(node, BUNDLE);
  const kept = [...new Set([...keptForOthers(loss, held), ...ownTrust(loss, node, held)])];
  return kept.length === held.length ? null : kept;
};

const foundOn = ({ facts, found }: TrustLoss, { name }: NodeObservation): Readonly<Record<string, FoundSetting>> =>
  foundOf(found, nodeKey({ cluster: facts.cluster.name, node: name }));

/** Whether what stood in a truststore stands in the file that took its place, as Remora wrote it: the store lacks what somebody added there since. */
const isStoreWhole = (node: NodeObservation): boolean =>
  node.agent.state === 'online' &&
  node.agent.facts.files.some(({ path, source }) => path === foundAuthorities && source !== null);

/** The list that is to stand in the place of Remora's; null where nobody changed it since and none stood there before. */
const listBack = (loss: TrustLoss, node: NodeObservation): SettingValue | null => {
  const [now, list] = [fileSetting(node, AUTHORITIES), foundOn(loss, node)[AUTHORITIES]];
  const isUnchanged = list !== undefined && sameSettingValue(now, list.made);
  if (isUnchanged && (list.before !== null || isStoreWhole(node))) return list.before;
  return itemsOf(now).filter((path) => path !== BUNDLE);
};

/** The list as it stood before where nobody changed it since, a truststore with it; else the list without the file. */
const settingsBack = (loss: TrustLoss, node: NodeObservation): Record<string, SettingValue | null> => {
  const found = foundOn(loss, node);
  const list = listBack(loss, node);
  if (list !== null) return { [AUTHORITIES]: list };
  const stores = truststore.flatMap((name) => {
    const before = found[name]?.before ?? null;
    return before === null ? [] : [[name, before] as const];
  });
  return { [AUTHORITIES]: null, ...Object.fromEntries(stores) };
};

/** Nodes that would trust nobody any more, since somebody changed what stands there: by name. */
export const leftWithoutTrust = (loss: TrustLoss): string[] =>
  loss.facts.cluster.nodes
    .filter((node) => {
      const list = keptOn(loss, node)?.length === 0 ? listBack(loss, node) : null;
      return list !== null && itemsOf(list).length === 0;
    })
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

/** In words, the CAs that stay on nodes of the cluster because it lives on them itself. */
export const keptAsOwn = (loss: TrustLoss): string[] => {
  const { nodes, name } = loss.facts.cluster;
  const kept = nodes
    .filter(isConfigured)
    .flatMap((node) => ownTrust(loss, node, certificatesIn(node, BUNDLE)).map((one) => one.facts.subject));
  return [...new Set(kept)].map(
    (subject) =>
      `${subject} stays in ${BUNDLE} on nodes of ${name}: the cluster's own nodes are trusted by it, and by no other file.`,
  );
};
