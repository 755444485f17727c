import { keyConnections } from '../connection/connection-records.ts';
import type { PlanContext } from '../context.ts';
import { files } from '../node/placed-files.ts';
import { byName } from '../order.ts';
import {
  isSignerBehind,
  type PlacedSigner,
  placedSigner,
  replaceSigner,
  signerProof,
} from '../signing/replaced-signer.ts';
import { takenCas } from '../signing/signing-wish.ts';
import type { AnyStep } from '../steps.ts';
import { type Bundled, bundleStep } from './bundles.ts';
import type { Concerned } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';

/**
 * A CA by which requests are signed is replaced in the parts of any other: the remote nodes take signatures of both before the first node signs by the new one, and those of
 * the old one no more once every node has proven that it signs by the new one.
 */

/** Certificates by which nodes sign, with where they stand. */
export const signersOf = ({ signing }: Concerned, { clusters }: CaRotationFacts): PlacedSigner[] =>
  signing.signers.map((record) => placedSigner(record, clusters));

/** Those that the new CA has yet to issue, or that it issued and nobody placed. */
export const dueSigners = (concerned: Concerned, facts: CaRotationFacts): PlacedSigner[] =>
  signersOf(concerned, facts).filter((one) => one.record.ca === concerned.old.name || isSignerBehind(one));

const remoteNodes = ({ signing }: Concerned, { clusters }: CaRotationFacts): Bundled[] =>
  clusters
    .filter(({ name }) => signing.remotes.includes(name))
    .sort(byName)
    .flatMap((cluster) => [...cluster.nodes].sort(byName).map((node) => ({ cluster, node })));

/** The CAs that a remote node's file shall hold while both may sign, and in the end. */
const takenOn = ({ old, next }: Concerned, facts: CaRotationFacts, { cluster }: Bundled) => {
  const rest = takenCas(facts, cluster).filter((ca) => ca !== old.name && ca !== next.name);
  return { both: [old.name, next.name, ...rest].sort(), only: [next.name, ...rest].sort() };
};

const prefixOf = (stage: 'trust-both' | 'trust-new'): string => `${stage}-signatures`;

/** Elasticsearch tells nobody what it takes signatures by: that it has looked at the file since is all that can be known. */
const readStep = ({ cluster, node }: Bundled, stage: 'prove-both' | 'prove-new', reason: string): AnyStep => ({
  ...{ id: `${stage}-signatures-${cluster.name}.${node.name}`, kind: 'signing-trust.verify', target: node.name },
  ...{ effect: 'none', diff: '', reason, stage, input: { cluster: cluster.name, node: node.name } },
});

export const bothSignedSteps = (concerned: Concerned, facts: CaRotationFacts, context: PlanContext): AnyStep[] => {
  if (dueSigners(concerned, facts).length === 0) return [];
  const reason = `it must take what CA ${concerned.next.name} signs before any node signs by that`;
  return remoteNodes(concerned, facts).flatMap((one) => {
    const names = takenOn(concerned, facts, one).both;
    const stage = 'trust-both';
    const wish = { names, stage, reason, isWritten: false, path: files.signingCas, prefix: prefixOf(stage) } as const;
    return [...bundleStep(one, wish, facts, context), readStep(one, 'prove-both', reason)];
  });
};

/** New certificates, the first of each connection proven before the others; and a proof of those that have theirs, of which an earlier run may have known no more than the file. */
export const resignSteps = (concerned: Concerned, facts: CaRotationFacts): AnyStep[] => {
  const { old, next } = concerned;
  const connections = keyConnections(facts.connections);
  const due = dueSigners(concerned, facts);
  const isFirst = ({ record }: PlacedSigner): boolean =>
    due.find((one) => one.record.cluster === record.cluster && one.record.alias === record.alias)?.record === record;
  const reason = `CA ${next.name} takes the place of ${old.name}, which signed its certificate`;
  return [
    ...due.flatMap((one) => replaceSigner(one, { ca: next.name, reason }, isFirst(one), { ...facts, connections })),
    ...concerned.signing.signers
      .filter((record) => !due.some((one) => one.record === record))
      .flatMap((record) => signerProof(record, connections, 'verify')),
  ];
};

/** The old CA goes from where it is. */
export const onlySignedSteps = (
  concerned: Concerned,
  facts: CaRotationFacts,
  context: PlanContext,
  both: readonly AnyStep[],
): AnyStep[] => {
  const reason = `nothing is signed by CA ${concerned.old.name} any more`;
  return remoteNodes(concerned, facts).flatMap((one) => {
    const names = takenOn(concerned, facts, one).only;
    const isWritten = both.some(({ id }) => id === `${prefixOf('trust-both')}-${one.cluster.name}.${one.node.name}`);
    const stage = 'trust-new';
    const wish = { names, stage, reason, isWritten, path: files.signingCas, prefix: prefixOf(stage) } as const;
    return [
      ...bundleStep(one, wish, facts, context),
      readStep(one, 'prove-new', 'what follows proves the connections without it'),
    ];
  });
};
