import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { bundledConnections } from '../connection/adopted.ts';
import { casOf, isForeign } from '../connection/connection-records.ts';
import type { PlanContext } from '../context.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { changeOf, type NodeChange, type WantedFile } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { nodesOf } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { byName } from '../order.ts';
import type { AnyStep } from '../steps.ts';
import { caBundleFile, neededCas } from '../trust/ca-bundle.ts';
import type { Concerned } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';

/** A node that connects, whose bundle is changed. */
export interface Bundled {
  readonly cluster: ClusterObservation;
  readonly node: NodeObservation;
}

/** The nodes of a cluster that connect, by name. */
export const bundledNodes = (facts: CaRotationFacts, locals: readonly string[]): Bundled[] =>
  facts.clusters
    .filter(({ name }) => locals.includes(name))
    .sort(byName)
    .flatMap((cluster) =>
      nodesOf(cluster, facts.connections)
        .sort(byName)
        .map((node) => ({ cluster, node })),
    );

/** CAs of the other connections of a cluster. A cluster that others run goes on with the one that is replaced until they say otherwise. */
const others = ({ old }: Concerned, { connections, cas, clusters }: CaRotationFacts, local: string): string[] =>
  neededCas(
    cas,
    bundledConnections(
      connections,
      clusters.find(({ name }) => name === local),
      cas,
    ).filter((one) => one.local === local && (isForeign(one) || !casOf(one).includes(old.name))),
  );

/** The CAs that a node's bundle shall hold while both are trusted, and in the end. */
export const bundleNames = (concerned: Concerned, facts: CaRotationFacts, local: string) => {
  const rest = others(concerned, facts, local);
  const [old, next] = [concerned.old.name, concerned.next.name];
  return {
    both: [...new Set([old, next, ...rest])].sort(),
    only: [...new Set([next, ...rest])].sort(),
  };
};

const ofAway = ({ path, content, source, mode }: WantedFile): NodeChange => ({
  operations: [{ name: 'files', input: { write: [{ path, content, source, mode }], remove: [] } }],
  ...{ restart: false, reload: false, diff: [`~ file ${path}: ${source}`] },
  reasons: ['its agent is away: the node is left until it is back'],
});

/** As the node's facts will be once the bundle was written by an earlier step of the plan: with what no plan wants. */
const afterWrite = (facts: NodeFacts, written: string): NodeFacts => ({
  ...facts,
  files: facts.files.filter(({ path }) => path !== written),
});

interface BundleStep {
  readonly names: readonly string[];
  readonly stage: 'trust-both' | 'trust-new';
  readonly reason: string;
  /** An earlier step of the plan writes the bundle. */
  readonly isWritten: boolean;
  /** Of another file than that by which nodes trust remote clusters. */
  readonly path?: string;
  /** Beginning of the step's id; absent: the stage. */
  readonly prefix?: string;
}

/** The step that writes a node's bundle; none where it holds these CAs already. */
export const bundleStep = (
  { cluster, node }: Bundled,
  { names, stage, reason, isWritten, path = files.caBundle, prefix = stage }: BundleStep,
  { cas }: CaRotationFacts,
  context: PlanContext,
): AnyStep[] => {
  const file = caBundleFile(names, cas, context.hash, path);
  const parts = { cluster, node, effect: 'file', stages: { roll: stage, files: stage }, prefix } as const;
  if (node.agent.state !== 'online') {
    const { pid, startedAtMs } = node;
    return [nodeStep({ ...parts, change: ofAway(file), unseen: { pid, startedAtMs } })];
  }
  const { facts } = node.agent;
  const wanted = { files: [file], settings: {}, keystore: {}, keystorePassword: null };
  const change = changeOf(node, isWritten ? afterWrite(facts, path) : facts, wanted);
  if (change === null) return [];
  const diff = isWritten ? [`~ file ${file.path}: ${file.what}`] : change.diff;
  return [nodeStep({ ...parts, change: { ...change, diff, reasons: [reason] } })];
};

/** That a node has loaded its bundle. */
export const trustStep = (
  { cluster, node }: Bundled,
  stage: 'prove-both' | 'prove-new',
  holds: readonly string[],
  lacks: readonly string[],
): AnyStep => ({
  ...{ id: `${stage}-${cluster.name}.${node.name}`, kind: 'trust.verify', target: node.name, effect: 'none', diff: '' },
  ...{ reason: 'what follows relies on what this node trusts', stage },
  input: { cluster: cluster.name, node: node.name, path: files.caBundle, holds: [...holds], lacks: [...lacks] },
});
