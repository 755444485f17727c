import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { foundOf } from '../node/found-settings.ts';
import { afterOther, changeOf, type NodeChange, type WantedNode } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { connectingNodes } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { removalChange } from '../node/removal.ts';
import { rollOrder } from '../order.ts';
import type { AnyStep, Stage } from '../steps.ts';
import { type AliasWish, goneOf } from './alias.ts';
import { inCluster, isPlaced, loadedLines, standingLines } from './alias-place.ts';
import type { FoundSettings } from './connection-records.ts';
import type { LocalSide } from './local-side.ts';

/** The stage that takes the lines of an alias off. */
export const LINES_OFF = 'lines-off';

/** What comes once the connection is registered and proven where it is wanted. */
export const afterwards = [
  { id: 'left', title: 'Remove the credential from nodes that connect no more', mode: 'parallel' },
  { id: 'left-reload', title: 'Reload their secure settings', mode: 'parallel' },
  { id: LINES_OFF, title: 'Take the alias out of elasticsearch.yml', mode: 'roll' },
  { id: 'lines-proof', title: 'Prove the connection without these lines', mode: 'serial' },
] as const satisfies readonly Stage[];

/** Of `lines-off`: the alias is registered for the whole cluster by then, so a rollback puts the lines back before it takes that away. */
export const LINES_PHASE = 1;

/** What elasticsearch.yml of a node says of an alias that stands there. */
export const wantedLines = (
  wish: Pick<AliasWish, 'alias' | 'place' | 'mode' | 'settings' | 'ownSettings'>,
  node: NodeObservation,
): Required<Pick<WantedNode, 'settings' | 'without'>> => {
  const prefix = `cluster.remote.${wish.alias}.`;
  if (wish.place.kind === 'cluster') return { settings: {}, without: [] };
  return {
    settings: Object.fromEntries(Object.entries(wish.settings).map(([name, value]) => [prefix + name, value])),
    without: goneOf({ ...loadedLines(node, wish.alias), ...standingLines(node, wish.alias) }, wish).map(
      (name) => prefix + name,
    ),
  };
};

/** An alias, and what is on record of nodes as they were before Remora came. */
interface OwnLines {
  readonly local: Pick<ClusterObservation, 'name'>;
  readonly alias: string;
  readonly found: readonly FoundSettings[] | undefined;
}

/** Whether Remora wrote the alias into elasticsearch.yml of a node, by a line that is as it made it: then all lines of it there go with that one. */
export const hasOwnLines = ({ local, alias, found }: OwnLines, node: NodeObservation): boolean => {
  const ours = foundOf(found, nodeKey({ cluster: local.name, node: node.name }));
  const isOurs = ([name, value]: readonly [string, SettingValue]): boolean => {
    const found = ours[`cluster.remote.${alias}.${name}`];
    return found !== undefined && sameSettingValue(found.made, value);
  };
  return [standingLines, loadedLines].some((look) => Object.entries(look(node, alias)).some(isOurs));
};

/** What takes an alias out of elasticsearch.yml of a node, and out of its process. */
export const linesRemoval = (alias: string, node: NodeObservation) => {
  const prefix = `cluster.remote.${alias}.`;
  const lines = standingLines(node, alias);
  const settings: Record<string, SettingValue | null> = {};
  for (const name of Object.keys(lines)) settings[prefix + name] = null;
  const loaded = Object.keys(loadedLines(node, alias)).filter((name) => !(name in lines));
  return { settings, loaded: loaded.map((name) => prefix + name) };
};

/** Lines of an alias that stay in elasticsearch.yml of a node although nobody wants them there: Remora did not write them. */
export const foreignLines = (
  wish: Parameters<typeof wantedLines>[0] & OwnLines,
  node: NodeObservation,
): readonly string[] => {
  const lines = standingLines(node, wish.alias);
  if (wish.place.kind === 'cluster' || !isPlaced(wish.place, node.name))
    return hasOwnLines(wish, node) ? [] : Object.keys(lines);
  const gone = goneOf(lines, wish);
  return Object.keys(lines).filter((name) => !(name in wish.settings || gone.includes(name)));
};

/** The CA file is one for all remote clusters, so a node that has it for another one gets the same. */
const bundleStep = ({ local, bundle }: LocalSide, node: NodeObservation): AnyStep[] => {
  if (node.agent.state !== 'online' || bundle === null) return [];
  const { facts } = node.agent;
  if (!facts.files.some(({ path, digest }) => path === files.caBundle && digest !== null)) return [];
  const change = changeOf(node, facts, { files: [bundle], settings: {}, keystore: {}, keystorePassword: null });
  const stages = { roll: 'local-roll', files: 'local-files' };
  return change === null ? [] : [nodeStep({ cluster: local, node, change, effect: 'file', stages })];
};

/** Credential and lines of a node that connected by the alias, and shall no more. */
const leftStep = (side: LocalSide, node: NodeObservation): AnyStep[] => {
  const { local, alias } = side;
  if (node.agent.state !== 'online') return [];
  const entries = node.agent.facts.keystore.entries ?? [];
  const entry = entries.filter(({ name, reference }) => name === credentialEntry(alias) && reference !== null);
  const keystorePassword = keystorePasswordReference(side, local.name, node.name);
  const change = removalChange(node.agent.facts, {
    ...(hasOwnLines(side, node) ? linesRemoval(alias, node) : {}),
    ...{ keystore: entry.map(({ name }) => name), keystorePassword },
  });
  if (change === null) return [];
  const reasons = [`it is not to connect by ${alias} any more`];
  const effect = change.restart ? 'restart' : 'reload';
  const stages = { roll: 'local-roll', files: 'left' };
  const step = nodeStep({ cluster: local, node, change: { ...change, reasons }, effect, stages, prefix: 'left' });
  return change.reload ? [step, leftReload(side, node, keystorePassword)] : [step];
};

const leftReload = (
  { local, alias }: LocalSide,
  { name }: NodeObservation,
  keystorePassword: string | null,
): AnyStep => ({
  ...{ id: `reload-${local.name}.${name}`, kind: 'secure-settings.reload', target: name, effect: 'reload', diff: '' },
  ...{ reason: `${credentialEntry(alias)} went from the keystore`, stage: 'left-reload' },
  input: { cluster: local.name, node: name, keystorePassword },
});

/** Nodes with the role remote_cluster_client that do not connect by an alias in files of others. */
export const besideSteps = (side: LocalSide): AnyStep[] =>
  rollOrder(connectingNodes(side.local, inCluster).filter(({ name }) => !isPlaced(side.place, name))).flatMap(
    (node) => [...bundleStep(side, node), ...leftStep(side, node)],
  );

/** Takes the lines of an alias that stands in the cluster's settings off the nodes that had it in their files: nothing closes, since what comes first is there by then. */
export const linesOffSteps = (side: LocalSide, changed: ReadonlyMap<NodeObservation, NodeChange>): AnyStep[] => {
  const { local, alias, place } = side;
  if (place.kind === 'files') return [];
  const off = rollOrder(connectingNodes(local, inCluster)).flatMap((node): AnyStep[] => {
    if (node.agent.state !== 'online' || !hasOwnLines(side, node)) return [];
    const change = removalChange(node.agent.facts, { ...linesRemoval(alias, node), keystorePassword: null });
    if (change === null) return [];
    const reasons = ["the alias stands in the cluster's settings"];
    const after = { ...(changed.has(node) ? afterOther(change) : change), reasons };
    const stages = { roll: LINES_OFF, files: LINES_OFF };
    return [
      nodeStep({
        cluster: local,
        node,
        change: after,
        effect: 'restart',
        stages,
        phase: LINES_PHASE,
        prefix: LINES_OFF,
      }),
    ];
  });
  if (off.length === 0) return [];
  return [
    ...off,
    {
      ...{ id: 'prove-without-lines', kind: 'connection.prove', target: local.name, effect: 'none', diff: '' },
      ...{
        reason: 'every node must cross by the settings of the cluster alone',
        stage: 'lines-proof',
        input: side.proof,
      },
    },
  ];
};
