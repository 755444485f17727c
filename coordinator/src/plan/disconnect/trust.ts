import type { SettingValue } from '@remora/shared/settings.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import type { FoundSetting } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { foundOf } from '../node/found-settings.ts';
import { isSamePath } from '../node/loaded.ts';
import type { WantedFile } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import type { Removal } from '../node/removal.ts';
import { sslPrefix } from '../node/ssl.ts';
import { caBundleFile } from '../trust/ca-bundle.ts';
import { handMadeAliases } from './hand-made.ts';
import type { Scope } from './scope.ts';
import { changedSince } from './since.ts';

const ENABLED = `${sslPrefix.remote_cluster_client}.enabled`;
const AUTHORITIES = `${sslPrefix.remote_cluster_client}.certificate_authorities`;

const bundleOn = ({ agent }: NodeObservation) =>
  agent.state === 'online'
    ? agent.facts.files.find(({ path, digest }) => path === files.caBundle && digest !== null)
    : undefined;

/** CAs in the bundle of a node that Remora does not know: somebody else put them there. */
export const foreignCas = ({ facts }: Scope, node: NodeObservation): string[] => {
  const known = new Set(facts.cas.map((ca) => ca.facts.fingerprint256));
  return (bundleOn(node)?.certificates ?? [])
    .filter(({ fingerprint256 }) => !known.has(fingerprint256))
    .map(({ subject }) => subject);
};

/** The bundle with the CAs that other connections need; null where there is none of these. */
const otherBundle = ({ bundle, facts, context }: Scope): WantedFile | null =>
  bundle === null || bundle.length === 0 ? null : caBundleFile(bundle, facts.cas, context.hash);

/** The same where the node's differs. */
const differingBundle = (scope: Scope, node: NodeObservation): WantedFile | null => {
  const [wanted, found] = [otherBundle(scope), bundleOn(node)];
  if (wanted === null || found === undefined || foreignCas(scope, node).length > 0) return null;
  const held = found.certificates.map(({ fingerprint256 }) => fingerprint256).sort();
  return JSON.stringify(held) === JSON.stringify([...(wanted.certificates ?? [])].sort()) ? null : wanted;
};

/** The CA file as it is to become; null where it stays, also for an alias that Remora does not manage and that may live on any of its CAs. */
export const rewrittenBundle = (scope: Scope, node: NodeObservation): WantedFile | null =>
  handMadeAliases(scope.facts).length > 0 ? null : differingBundle(scope, node);

/** Whether it stays for such an alias alone. */
export const isKeptForOthers = (scope: Scope, node: NodeObservation): boolean =>
  differingBundle(scope, node) !== null && rewrittenBundle(scope, node) === null;

/** CAs that others configured stay, written as they were where they are the same ones. */
const authoritiesAfter = (node: NodeObservation, before: SettingValue | null): SettingValue | null => {
  const rest = itemsOf(fileSetting(node, AUTHORITIES)).filter((path) => path !== files.caBundle);
  if (before !== null && sameSettingValue(itemsOf(before), rest)) return before;
  return rest.length > 0 ? rest : null;
};

const foundOn = ({ facts }: Scope, { name }: NodeObservation): Readonly<Record<string, FoundSetting>> =>
  foundOf(facts.connection.found, nodeKey({ cluster: facts.local.name, node: name }));

const isConfigured = (node: NodeObservation): boolean =>
  itemsOf(fileSetting(node, AUTHORITIES)).includes(files.caBundle);

/** Settings of a local node that somebody changed since, by name. A list that still has the CA file is no such one: that goes, and the rest stays. */
export const trustChangedSince = (scope: Scope, node: NodeObservation): string[] =>
  changedSince(node, foundOn(scope, node)).filter((name) => name !== AUTHORITIES || !isConfigured(node));

const isLoaded = (node: NodeObservation): boolean =>
  node.loadedCertificates?.some((path) => isSamePath(path, files.caBundle, node)) ?? false;

/** What takes the CA file and its settings off a local node. */
export const trustRemoval = (scope: Scope, node: NodeObservation): Omit<Removal, 'keystorePassword'> => {
  const file = { path: files.caBundle, what: 'CA certificates of remote clusters' };
  if (!isConfigured(node))
    return { files: [file], loaded: bundleOn(node) !== undefined && isLoaded(node) ? [AUTHORITIES] : [] };
  const found = foundOn(scope, node);
  // Where nothing is on record, somebody kept what an earlier connection had made (--keep-trust), or an older release made it: the file's name says whose it is.
  const isOurs = ENABLED in found || Object.keys(found).length === 0;
  const isAsMade = sameSettingValue(fileSetting(node, ENABLED), found[ENABLED]?.made ?? true);
  return {
    files: [file],
    settings: {
      ...(isOurs && isAsMade ? { [ENABLED]: found[ENABLED]?.before ?? null } : {}),
      [AUTHORITIES]: authoritiesAfter(node, found[AUTHORITIES]?.before ?? null),
    },
  };
};
