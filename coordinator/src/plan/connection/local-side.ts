import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { changedSettings, type FoundByNode } from '../node/found-settings.ts';
import { isSecureSettingLoaded } from '../node/loaded.ts';
import { changeOf, type NodeChange, type WantedFile, type WantedNode } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { connectingNodes, fileSetting, itemsOf } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import { rollOrder } from '../order.ts';
import type { AnyStep, Stage, StepInputs } from '../steps.ts';
import { type AliasWish, aliasStep } from './alias.ts';
import type { AliasPlace } from './alias-place.ts';
import type { FoundSettings } from './connection-records.ts';
import { afterwards, besideSteps, linesOffSteps, wantedLines } from './static-alias.ts';

const PREFIX = sslPrefix.remote_cluster_client;

export const localStages = [
  { id: 'local-files', title: 'Place files on the local cluster', mode: 'parallel' },
  { id: 'local-roll', title: 'Roll the local cluster', mode: 'roll' },
  { id: 'reload', title: 'Reload secure settings', mode: 'parallel' },
  { id: 'connect', title: 'Register and prove', mode: 'serial' },
  ...afterwards,
] as const satisfies readonly Stage[];

/** What a local cluster shall have of a connection by API key, whoever runs the remote one. */
export interface LocalSide extends AliasWish {
  /** What is on record of nodes as they were before Remora came. */
  readonly found: readonly FoundSettings[] | undefined;
  /** `secret:…@VERSION` of the encoded key. */
  readonly keySecret: string;
  /** The CA file; null where the nodes trust Java's public CAs, by no setting at all, or by what people wrote. */
  readonly bundle: WantedFile | null;
  readonly proof: StepInputs['connection.prove'];
  /** Whether the proof held a moment ago; null when the alias is not there. */
  readonly proven: boolean | null;
  readonly secretVersions: Readonly<Record<string, number>>;
  /** Absent where requests are not signed. */
  readonly signing?: SigningSide;
}

/** What signs requests. Every node has it, those that do not connect too: one that cannot find the file of a setting takes no state of its cluster any more. */
export interface SigningSide {
  readonly parts: (node: NodeObservation) => Pick<WantedNode, 'files' | 'keystore'>;
  /** Whether the process may lack the password of its file although the keystore has it. */
  readonly mayLackPassword: (node: NodeObservation) => boolean;
}

/** Trust and credential on every connecting node, the alias, and the proof, which also follows whatever else is done (`others`). */
export const localSideSteps = (side: LocalSide, others: boolean): AnyStep[] => {
  const nodes = rollOrder(side.signing === undefined ? connectingNodes(side.local, side.place) : side.local.nodes);
  const changes = nodes.flatMap((node) => {
    const change = node.agent.state === 'online' ? localChange(side, node, node.agent.facts) : null;
    return change ? [{ node, change }] : [];
  });
  const steps = [
    ...changes.map(({ node, change }) => {
      const effect = change.restart ? 'restart' : change.reload ? 'reload' : 'file';
      return nodeStep({
        ...{ cluster: side.local, node, change, effect },
        stages: { roll: 'local-roll', files: 'local-files' },
      });
    }),
    ...besideSteps(side),
    ...aliasStep(side),
    ...linesOffSteps(side, new Map(changes.map(({ node, change }) => [node, change]))),
  ];
  const anything = others || steps.length > 0;
  const reloads = reloadSteps(side, nodes, changes, anything);
  const proof = anything || reloads.length > 0 || side.proven !== true ? [proveStep(side)] : [];
  return [...steps, ...reloads, ...proof];
};

/** CAs that somebody else configured stay; ours is added behind them. */
const authorities = (node: NodeObservation): SettingValue => {
  const list = itemsOf(fileSetting(node, `${PREFIX}.certificate_authorities`));
  return list.includes(files.caBundle) ? list : [...list, files.caBundle];
};

/** What elasticsearch.yml of a node that connects says of whom it trusts. */
export const trustSettings = (node: NodeObservation): Readonly<Record<string, SettingValue>> => ({
  [`${PREFIX}.enabled`]: true,
  [`${PREFIX}.certificate_authorities`]: authorities(node),
});

const localChange = (side: LocalSide, node: NodeObservation, facts: NodeFacts): NodeChange | null => {
  const signer = side.signing?.parts(node) ?? { files: [], keystore: {} };
  const keystorePassword = keystorePasswordReference(side, side.local.name, node.name);
  if (!connectingNodes(side.local, side.place).includes(node))
    return changeOf(node, facts, { ...signer, settings: {}, keystorePassword });
  const lines = wantedLines(side, node);
  return changeOf(node, facts, {
    files: [...(side.bundle === null ? [] : [side.bundle]), ...signer.files],
    settings: { ...(side.bundle === null ? {} : trustSettings(node)), ...lines.settings },
    without: lines.without,
    keystore: { [credentialEntry(side.alias)]: side.keySecret, ...signer.keystore },
    keystorePassword,
  });
};

/**
 * A credential that was written after its process started and was not proven since may never have been loaded: a run may have died between the two. Files
 * do not tell, so it is reloaded, which does no harm when it was.
 */
const mayBeUnloaded = ({ alias, keySecret, proven }: LocalSide, node: NodeObservation): boolean => {
  if (proven === true || node.agent.state !== 'online') return false;
  const entry = node.agent.facts.keystore.entries?.find(({ name }) => name === credentialEntry(alias));
  return entry?.reference === keySecret && !isSecureSettingLoaded(node, entry.writtenAtMs);
};

/**
 * A credential that was written without a restart needs a reload. When nothing at all has to change and the connection still is not proven, the reload is
 * the one thing left that may help.
 */
const reloadSteps = (
  side: LocalSide,
  nodes: readonly NodeObservation[],
  changes: readonly { node: NodeObservation; change: NodeChange }[],
  otherSteps: boolean,
): AnyStep[] => {
  const all = !otherSteps && side.proven === false;
  const reasonFor = (node: NodeObservation): string | null => {
    const change = changes.find((one) => one.node === node)?.change;
    if (change?.restart) return null;
    if (change?.reload) return `what stands for ${side.alias} in the keystore changed`;
    if (side.signing?.mayLackPassword(node))
      return 'the password of the file with which it signs was written after the process started';
    if (all) return 'the connection is not proven although everything is in place';
    return mayBeUnloaded(side, node) ? 'the credential was written after the process started, and is not proven' : null;
  };
  return nodes.flatMap((node) => {
    const reason = reasonFor(node);
    return reason === null ? [] : [reloadStep(side, node, reason)];
  });
};

/** Has a node read its keystore again. */
export const reloadStep = (
  side: Pick<LocalSide, 'local' | 'secretVersions'>,
  node: Pick<NodeObservation, 'name'>,
  reason: string,
): AnyStep => ({
  id: `reload-${side.local.name}.${node.name}`,
  kind: 'secure-settings.reload',
  target: node.name,
  effect: 'reload',
  reason,
  diff: '',
  stage: 'reload',
  input: {
    cluster: side.local.name,
    node: node.name,
    keystorePassword: keystorePasswordReference(side, side.local.name, node.name),
  },
});

const proveStep = ({ local, proof }: LocalSide): AnyStep => ({
  ...{ id: 'prove-connection', kind: 'connection.prove', target: local.name, effect: 'none', diff: '' },
  reason: 'success is proven by a real request from every connecting node',
  ...{ stage: 'connect', input: proof },
});

/** What stands in elasticsearch.yml of nodes that connect, of whom they trust, where it is about to become something else. */
export const foundTrust = (local: ClusterObservation, place: AliasPlace): FoundByNode =>
  foundOnNodes(local, place, trustSettings);

/** The same of any settings that these nodes shall have. */
export const foundOnNodes = (
  local: ClusterObservation,
  place: AliasPlace,
  wanted: (node: NodeObservation) => Readonly<Record<string, SettingValue>>,
): FoundByNode =>
  new Map(
    connectingNodes(local, place)
      .filter(({ agent }) => agent.state === 'online')
      .map((node) => [nodeKey({ cluster: local.name, node: node.name }), changedSettings(node, wanted(node))]),
  );
