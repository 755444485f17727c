import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { Signing } from '../../connection/connection-records.ts';
import type { PlanContext } from '../../context.ts';
import type { ConnectFacts, KeyObservation, NodeObservation } from '../../facts.ts';
import type { WantedFile } from '../../node/node-change.ts';
import { files } from '../../node/placed-files.ts';
import { rollOrder } from '../../order.ts';
import type { SigningCertificateRecord } from '../../records.ts';
import { givenSigner } from '../../signing/given-signers.ts';
import { isCurrentSigner, newSigningIssue } from '../../signing/signing-certificates.ts';
import type { SigningIssue } from '../../signing/signing-issue.ts';
import { mayBeSigning, othersCas, signingWish, standingSigners } from '../../signing/signing-wish.ts';
import { caBundleFile } from '../../trust/ca-bundle.ts';
import { withComing } from '../../trust/ca-names.ts';
import { standingKey } from '../key/key.ts';
import { type Resigning, resigningOf } from './resigning.ts';

/** How requests over the connection are to be signed, and what is known of how they are. */
export interface SigningDraft {
  /** Null where they are not to be. */
  readonly wish: Signing | null;
  /** They are not to be signed, and may be. */
  readonly goes: boolean;
  readonly standing: readonly SigningCertificateRecord[];
  readonly key: KeyObservation | undefined;
  /** Other CAs whose signatures the remote cluster takes. */
  readonly others: readonly string[];
  /**
   * Elasticsearch shows settings of signatures to nobody. That they are in place is known of a key that demands a signature and lets every node in: nobody is let in
   * without one.
   */
  readonly isOn: boolean;
  /** The CAs as the remote nodes shall have them, as long as certificates of another one may be in use. */
  readonly trust: WantedFile | null;
  readonly resigning: Resigning;
  /** By name of the local node. */
  readonly issues: ReadonlyMap<string, { readonly issue: SigningIssue; readonly isNew: boolean }>;
}

/** See `SigningDraft.isOn`. */
export const isSigning = (facts: ConnectFacts, request: ConnectRequest): boolean =>
  standingSigners(facts, request).length > 0 &&
  standingKey(facts, request)?.certificateIdentity !== undefined &&
  facts.proven === true;

export const signingDraft = (request: ConnectRequest, facts: ConnectFacts, context: PlanContext): SigningDraft => {
  const found = signingWish(request, facts);
  const wish = typeof found === 'string' ? null : found;
  const standing = standingSigners(facts, request);
  const others = othersCas(facts, request);
  const key = standingKey(facts, request);
  const issueFor = ({ name }: NodeObservation): { readonly issue: SigningIssue; readonly isNew: boolean } | null => {
    if (wish === null) return null;
    const record = standing.find(({ node }) => node === name);
    const given = givenSigner({ name }, request, facts);
    const place = { cluster: request.local, node: name, alias: request.alias, remote: request.remote };
    if (record !== undefined && isCurrentSigner(record, wish, facts.cas, context.now, given)) {
      const { given: _, ...issue } = record;
      return { issue, isNew: false };
    }
    return { issue: newSigningIssue(place, wish, facts.secretVersions, given), isNew: true };
  };
  const resigning = resigningOf({ wish, standing, key, others }, facts, context);
  return {
    ...{ wish, standing, key, others, resigning },
    goes: wish === null && mayBeSigning(facts, request),
    isOn: isSigning(facts, request),
    trust:
      wish === null
        ? null
        : caBundleFile(
            [...withComing(facts.cas, [...others, wish.ca]), ...resigning.leaving].sort(),
            ...([facts.cas, context.hash, files.signingCas] as const),
          ),
    issues: new Map(
      rollOrder(facts.local.nodes).flatMap((node) => {
        const issue = issueFor(node);
        return issue === null || node.agent.state !== 'online' ? [] : [[node.name, issue] as const];
      }),
    ),
  };
};
