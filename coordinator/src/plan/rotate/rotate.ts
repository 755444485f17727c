import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { isBehind } from '../certificates/certificate-versions.ts';
import {
  type Reissue,
  reissueOf,
  reissueStages,
  reissueSteps,
  shortenedWarnings,
  trustWarnings,
} from '../certificates/reissue.ts';
import { type PlanContext, withoutTrust } from '../context.ts';
import type { Finding } from '../node/agent-findings.ts';
import type { CaRecord, CertificateRecord } from '../records.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { StoredPlan } from '../steps.ts';
import { dueCertificates, meantCertificates } from './chosen.ts';
import type { RotateFacts } from './facts.ts';
import { newPasswordStages, newPasswordSteps } from './new-passwords.ts';
import { refuseRotation, rotationFindings } from './refusals.ts';
import { signersPart } from './signers.ts';

/** Certificates that end soon because their CA does: new ones would end with it too. */
const isFutile = ({ record, ca, cluster }: Reissue): boolean =>
  ca !== undefined && ca.facts.notAfter <= record.facts.notAfter && !isBehind(record, cluster);

const futileWarnings = (futile: readonly Reissue[]): string[] =>
  [...Map.groupBy(futile, ({ record }) => record.ca)].map(
    ([ca, all]) =>
      `The certificates of ${all.map(({ record }) => record.node).join(', ')} end with their CA ${ca} at ${all[0]?.ca?.facts.notAfter}, and new ones would too: they are left as they are.`,
  );

/** What could not be looked at, and is not due by what is on record: something may be due there all the same. */
const unseenWarnings = (due: readonly Reissue[], { unseen }: RotateFacts): string[] =>
  [...unseen].filter(([name]) => !due.some(({ record }) => record.cluster === name)).map(([, problem]) => problem);

const caOf = ({ ca }: CertificateRecord, { cas }: RotateFacts): CaRecord | undefined =>
  cas.find(({ name }) => name === ca);

/** Those that were made elsewhere, where somebody has to bring new ones: only who names their node or cluster means that they become Remora's. */
const givenOf = (
  due: readonly Reissue[],
  { cluster, node, expiring, due: isDue }: RotateRequest,
): ReadonlyMap<Reissue, readonly Finding[]> => {
  const isNamed = (cluster ?? node) !== undefined && expiring === undefined && !isDue;
  const given = isNamed ? [] : due.filter(({ record }) => record.given !== undefined);
  return new Map(
    given.map((one): [Reissue, readonly Finding[]] => [
      one,
      [
        [
          'conflict',
          `The certificate of node ${one.record.node} (cluster ${one.record.cluster}), until ${one.record.facts.notAfter}, was made elsewhere: place a new one with \`remora certs place --files\`.`,
        ],
      ],
    ]),
  );
};

/** Of those that are replaced all the same. */
const replacedWarnings = (rotations: readonly Reissue[]): string[] =>
  rotations
    .filter(({ record }) => record.given !== undefined)
    .map(
      ({ record: { node, cluster, ca } }) =>
        `The certificate of node ${node} (cluster ${cluster}) was made elsewhere, and one that Remora makes with the key of CA ${ca} takes its place.`,
    );

/** Those that cannot be replaced now, with why, where others can. */
const barredOf = (
  wanted: readonly Reissue[],
  request: RotateRequest,
  now: string,
): ReadonlyMap<Reissue, readonly Finding[]> => {
  const barred = new Map(
    wanted
      .map((one) => [one, rotationFindings(one, request, now)] as const)
      .filter(([, findings]) => findings.length > 0),
  );
  return barred.size < wanted.length ? barred : new Map();
};

/** Those of CAs that sign elsewhere, with why, where others are replaced or those that end soon were meant: somebody has to bring new ones. */
const elsewhereOf = (
  wanted: readonly Reissue[],
  request: RotateRequest,
  now: string,
): ReadonlyMap<Reissue, readonly Finding[]> => {
  const { expiring, due } = request;
  const elsewhere = wanted.filter(({ ca }) => ca?.key === null);
  return elsewhere.length < wanted.length || expiring !== undefined || due
    ? new Map(elsewhere.map((one) => [one, rotationFindings(one, request, now)]))
    : new Map();
};

/**
 * Plans the replacement of certificates under their names and passwords: Elasticsearch reads them by itself, no node restarts, unless they get new passwords. Throws all
 * that forbids it.
 */
export const planRotation = (request: RotateRequest, facts: RotateFacts, context: PlanContext): StoredPlan => {
  const meant = meantCertificates(request, facts.certificates, facts.signers);
  const due = dueCertificates(request, meant, facts.clusters, context.now).map((record) =>
    reissueOf(record, caOf(record, facts), facts),
  );
  const futile =
    (request.expiring ?? request.due) ? due.filter((one) => isFutile(one) && one.record.given === undefined) : [];
  const given = givenOf(due, request);
  const wanted = due.filter((one) => !futile.includes(one) && !given.has(one));
  const left = request.asFarAsPossible
    ? barredOf(wanted, request, context.now)
    : elsewhereOf(wanted, request, context.now);
  const rotations = wanted.filter((one) => !left.has(one));
  const signing = signersPart(request, facts, context.now);
  refuseRotation(rotations, request, context.now, signing.findings);
  const wish = {
    reason: `its certificate is to be replaced${request.newPassword ? ', with the password of its file' : ''}`,
    ...(request.validity === undefined ? {} : { validityMs: parseDuration(request.validity) }),
  };
  const stages = request.newPassword ? newPasswordStages : reissueStages;
  const steps = inStageOrder(stages, [
    ...(request.newPassword ? newPasswordSteps : reissueSteps)(rotations, facts, wish),
    ...signing.steps,
  ]);
  const restarts = steps.filter(({ effect }) => effect === 'restart').map(({ target }) => target);
  const restarted = rotations.find(({ cluster }) => cluster)?.cluster;
  const clusters = [...new Set([...rotations.map(({ record }) => record.cluster), ...signing.clusters])];
  const count = rotations.length + signing.count;
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutTrust)),
    workflow: 'rotate-certificates',
    wanted: request,
    title: `Replace ${count === 1 ? 'a certificate' : `${count} certificates`}${count === 0 ? '' : ` of ${clusters.join(', ')}`}`,
    createdAt: context.now,
    clusters,
    stages: usedStages(stages, steps),
    steps,
    restarts,
    outages: restarted ? outagesOf(restarted, restarts) : [],
    warnings: [
      ...[...given.values(), ...left.values()].flat().map(([, sentence]) => `It is left: ${sentence}`),
      ...replacedWarnings(rotations),
      ...futileWarnings(futile),
      ...signing.warnings,
      ...unseenWarnings(due, facts),
      ...trustWarnings(rotations, facts.trust),
      ...(rotations.length > 0 ? facts.unasked : []),
      ...shortenedWarnings(steps, facts.cas, context.now),
      ...(restarted ? unreplicatedWarning(restarted, restarts) : []),
    ],
  };
};
