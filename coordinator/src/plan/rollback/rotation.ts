import { rotationPhases } from '../certificates/ca-rotation-stages.ts';
import { nodeKey } from '../node/node-id.ts';
import type { CaRecord, RecordBefore } from '../records.ts';
import type { AnyStep, Stage } from '../steps.ts';
import type { RollbackFacts } from './facts.ts';
import { nodesPart } from './nodes.ts';
import { changedRecords, putBackStep } from './records.ts';
import { signedSteps } from './signing/resigned.ts';

/** What is taken back of the nodes, and of the records on the way there. */
export interface NodesBack {
  readonly stages: readonly Stage[];
  readonly steps: readonly AnyStep[];
  readonly warnings: readonly string[];
  /** Records that are put back on the way. */
  readonly isBack: (record: RecordBefore) => boolean;
}

const TRANSITION: Stage = { id: 'transition', title: 'Note that both CAs are trusted again', mode: 'serial' };
const PROVE_BOTH: Stage = { id: 'prove-both', title: 'Prove that both CAs are trusted', mode: 'parallel' };
const CERTIFICATES: Stage = { id: 'certificates', title: 'Put certificates on record back', mode: 'serial' };
const HANDSHAKES: Stage = { id: 'handshakes', title: 'Prove that only the old CA serves', mode: 'parallel' };

/** Whether a node that the run looked at is there to be asked. */
const isThere = ({ clusters }: RollbackFacts, { cluster, node }: { readonly cluster: string; readonly node: string }) =>
  clusters.get(cluster)?.nodes.some(({ name, agent }) => name === node && agent.state !== 'missing') ?? false;

/** Each remote node that took signatures of both CAs, or of the new one: it has to take those of both before anybody signs by the old one again. */
const takenSteps = (facts: RollbackFacts): AnyStep[] => {
  const read = facts.run.plan.steps.flatMap((step) => (step.kind === 'signing-trust.verify' ? [step] : []));
  const each = new Map(read.map((step) => [nodeKey(step.input), step]));
  return [...each.values()]
    .filter(({ input }) => isThere(facts, input))
    .map((step) => ({ ...step, id: `prove-both-signatures-${nodeKey(step.input)}`, stage: PROVE_BOTH.id }));
};

/** Each node that the run proved to trust both CAs, or the new one: it has to trust both before the servers go back. */
const bothSteps = (facts: RollbackFacts, holds: readonly string[]): AnyStep[] => {
  const proven = facts.run.plan.steps.flatMap((step) => (step.kind === 'trust.verify' ? [step] : []));
  const each = new Map(proven.map((step) => [nodeKey(step.input), step]));
  return [...each.values()]
    .filter(({ input }) => isThere(facts, input))
    .map((step) => ({
      ...{ ...step, id: `prove-both-${step.input.cluster}.${step.input.node}`, stage: PROVE_BOTH.id },
      input: { ...step.input, holds: [...holds], lacks: [] },
    }));
};

const handshakeSteps = (facts: RollbackFacts, ca: string): AnyStep[] =>
  facts.run.plan.steps.flatMap((step): AnyStep[] =>
    step.kind === 'handshake.verify' && isThere(facts, step.input)
      ? [
          {
            ...{ ...step, stage: HANDSHAKES.id, input: { ...step.input, ca } },
            reason: `what ${step.input.remote} serves must be trusted by CA ${ca} alone before the other goes`,
          },
        ]
      : [],
  );

/** The record of a CA while another takes its place. */
const inTransition = ({ retiredAt: _, ...ca }: CaRecord, successor: string): CaRecord => ({ ...ca, successor });

/**
 * Takes the rotation of a CA back, the reverse of its order: both CAs are trusted before anything is served by the old one again, and the new one goes once all is. As long as
 * that lasts the records say that both are trusted, so that whatever else is done meanwhile, if this ends half-way, cuts nobody off.
 */
export const rotationBack = (facts: RollbackFacts, now: string): NodesBack => {
  const succession = facts.run.plan.steps.findLast(({ kind }) => kind === 'ca.succession');
  if (succession?.kind !== 'ca.succession') throw new Error(`${facts.run.runId} is no rotation of a CA`);
  const { ca: old, successor } = succession.input;
  const { trustBoth, serve, trustNew } = rotationPhases;
  const [only, servers, both] = [
    nodesPart(facts, now, trustNew),
    nodesPart(facts, now, serve),
    nodesPart(facts, now, trustBoth),
  ];
  const changed = changedRecords(facts);
  const of = (collection: RecordBefore['collection']) => changed.filter((one) => one.collection === collection);
  const standing = facts.cas.find(({ name }) => name === old);
  const retired = standing?.retiredAt === undefined ? [] : [inTransition(standing, successor)];
  const noted: RecordBefore[] = [
    ...retired.map((record) => ({ collection: 'cas' as const, id: old, record })),
    ...of('connections'),
  ];
  const served = [...servers.steps, ...of('certificates'), ...of('signingCertificates')].length > 0;
  return {
    stages: [TRANSITION, ...only.stages, PROVE_BOTH, ...servers.stages, CERTIFICATES, HANDSHAKES, ...both.stages],
    steps: [
      ...putBackStep('note-both', TRANSITION.id, noted),
      ...only.steps,
      ...(served ? [...bothSteps(facts, [old, successor]), ...takenSteps(facts)] : []),
      ...servers.steps,
      ...putBackStep('put-back-certificates', CERTIFICATES.id, [...of('certificates'), ...of('signingCertificates')]),
      ...(both.steps.length > 0 ? [...handshakeSteps(facts, old), ...signedSteps(facts, HANDSHAKES.id)] : []),
      ...both.steps,
    ],
    warnings: [...new Set([only, servers, both].flatMap(({ warnings }) => warnings))],
    isBack: ({ collection }) => ['certificates', 'signingCertificates', 'connections'].includes(collection),
  };
};
