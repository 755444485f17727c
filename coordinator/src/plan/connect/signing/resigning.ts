import {
  eitherIdentity,
  isEitherIdentity,
  matchesIdentity,
} from '@remora/shared/model/certificates/certificate-identity.ts';
import { proofOf, type Signing } from '../../connection/connection-records.ts';
import type { Crossing } from '../../connection/crossing.ts';
import type { PlanContext } from '../../context.ts';
import type { ConnectFacts, KeyObservation } from '../../facts.ts';
import type { WantedFile } from '../../node/node-change.ts';
import { nodeStep } from '../../node/node-step.ts';
import { files } from '../../node/placed-files.ts';
import { removalChange } from '../../node/removal.ts';
import { rollOrder } from '../../order.ts';
import type { SigningCertificateRecord } from '../../records.ts';
import { heldCas } from '../../signing/signing-wish.ts';
import type { AnyStep } from '../../steps.ts';
import { caBundleFile } from '../../trust/ca-bundle.ts';
import { withComing } from '../../trust/ca-names.ts';
import type { ConnectDraft } from '../draft.ts';

/**
 * The certificates of a connection that works become ones of another subject or CA. No instant of that keeps anybody out: the key demands either subject and the remote
 * nodes trust both CAs before the first node signs anew, and the old ones go once every node was let in with its new certificate.
 */

/** Before any local node signs with another subject. */
export const widenStage = { id: 'widen', title: 'Have the key let in both subjects', mode: 'serial' } as const;

/** Once the key demands what is wanted alone. */
export const narrowStages = [
  { id: 'trust-new', title: 'Take the signing CA out that signs no more', mode: 'parallel' },
  { id: 'trust-new-read', title: 'Wait until it is gone', mode: 'parallel' },
  { id: 'prove-new', title: 'Prove the connection without it', mode: 'serial' },
] as const;

/** The remote nodes' file is written twice: what it is in the end is taken back first. */
const ALONE_PHASE = 1;

/** How the change is made. */
export interface Resigning {
  /** What the key demands meanwhile; null where what it demands does for both. */
  readonly demand: string | null;
  /** CAs that may have signed what nodes sign with now, and that go at the end. */
  readonly leaving: readonly string[];
  /** Every node proves that it signs with its certificate on record: some may sign with another one still, of an earlier run. */
  readonly isProvenWhole: boolean;
  /** The remote nodes' file in the end; null where it is so from the beginning. */
  readonly alone: WantedFile | null;
}

interface Known {
  readonly wish: Signing | null;
  readonly standing: readonly SigningCertificateRecord[];
  readonly key: KeyObservation | undefined;
  readonly others: readonly string[];
}

const demandMeanwhile = ({ wish, standing, key }: Known): string | null => {
  const now = key?.certificateIdentity;
  if (wish === null || now === undefined || standing.length === 0 || matchesIdentity(now, wish.subject)) return null;
  return eitherIdentity(now, wish.identity);
};

/** How certificates of a connection become others, where they do. */
export const resigningOf = (
  known: Known,
  { remote, cas }: Pick<ConnectFacts, 'remote' | 'cas'>,
  { hash }: Pick<PlanContext, 'hash'>,
): Resigning => {
  const { wish, standing, key, others } = known;
  const needed = withComing(cas, wish === null ? others : [...others, wish.ca]);
  const had = wish === null || standing.length === 0 ? [] : [...heldCas(remote, cas), ...standing.map(({ ca }) => ca)];
  const leaving = [...new Set(had)].filter((ca) => !needed.includes(ca)).sort();
  return {
    ...{ demand: demandMeanwhile(known), leaving },
    isProvenWhole: leaving.length > 0 || isEitherIdentity(key?.certificateIdentity ?? ''),
    alone: leaving.length === 0 ? null : caBundleFile(needed, cas, hash, files.signingCas),
  };
};

/** Has the key let in both, while the nodes come to sign anew one after the other. */
export const widenSteps = ({ signing, facts }: ConnectDraft, crossing: Crossing | null): AnyStep[] => {
  const { key, resigning } = signing;
  if (key === undefined || resigning.demand === null) return [];
  const { id, name, secret } = key.record;
  return [
    {
      ...{ id: 'demand-either-signature', kind: 'api-key.identify', target: facts.remote.name, effect: 'api' },
      ...{
        reason: 'no node is to be kept out while the nodes come to sign with another subject',
        stage: widenStage.id,
      },
      diff: `- key ${name}: certificate_identity ${key.certificateIdentity}\n+ key ${name}: certificate_identity ${resigning.demand}`,
      input: { cluster: facts.remote.name, id, secret, identity: resigning.demand, crossing },
    },
  ];
};

/** Takes CAs out by which nothing is signed any more, and proves that nobody needed them. */
export const narrowSteps = ({ signing: { resigning }, facts, record }: ConnectDraft): AnyStep[] => {
  const { alone, leaving } = resigning;
  const { remote } = facts;
  if (alone === null) return [];
  const nodes = rollOrder(remote.nodes);
  const reason = `nothing is signed by CA ${leaving.join(', ')} any more`;
  const [files, read, prove] = narrowStages.map(({ id }) => id);
  return [
    ...nodes.flatMap((node): AnyStep[] => {
      const change =
        node.agent.state === 'online'
          ? removalChange(node.agent.facts, { rewritten: alone, keystorePassword: null })
          : null;
      if (change === null) return [];
      const stages = { roll: files as string, files: files as string };
      const parts = {
        cluster: remote,
        node,
        change: { ...change, reasons: [reason] },
        effect: 'file',
        stages,
      } as const;
      return [nodeStep({ ...parts, phase: ALONE_PHASE, prefix: 'trust-new' })];
    }),
    ...nodes.map(
      ({ name }): AnyStep => ({
        ...{ id: `trust-new-read-${name}`, kind: 'signing-trust.verify', target: name, effect: 'none', diff: '' },
        ...{ reason: 'what the node trusts by then is proven next', stage: read as string },
        input: { cluster: remote.name, node: name },
      }),
    ),
    {
      ...{ id: 'prove-without-old-ca', kind: 'connection.prove', target: record.local, effect: 'none', diff: '' },
      ...{ reason: 'the connection must work without it', stage: prove as string, input: proofOf(record) },
    },
  ];
};
