import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import { caRotationStages } from '../certificates/ca-rotation-stages.ts';
import { isBehind } from '../certificates/certificate-versions.ts';
import {
  type NewCertificates,
  type Reissue,
  reissueOf,
  reissueSteps,
  shortenedWarnings,
  trustWarnings,
} from '../certificates/reissue.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import { files } from '../node/placed-files.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import { caKeySecret } from '../trust/ca-names.ts';
import { bundledNodes, bundleNames, bundleStep, trustStep } from './bundles.ts';
import { type Concerned, concernedBy, usersOf } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';
import { givenFor } from './given.ts';
import { outsideWarnings } from './outside.ts';
import { crossSteps, handshakeSteps } from './proofs.ts';
import { refuseCaRotation } from './refusals.ts';
import { bothSignedSteps, onlySignedSteps, resignSteps } from './signing.ts';

interface Draft {
  readonly concerned: Concerned;
  /** Certificates that the new CA has yet to issue, or that it issued and nobody placed. */
  readonly due: readonly Reissue[];
  readonly facts: CaRotationFacts;
  readonly context: PlanContext;
  /** Those that the new CA signed elsewhere. */
  readonly given: Pick<NewCertificates, 'given'>;
}

/** The name comes first, so that a run that goes on takes the CA that an earlier one made. */
const prepareSteps = ({ concerned: { old, next, clusters }, facts: { like } }: Draft): AnyStep[] => {
  const step = { target: 'coordinator', effect: 'none', stage: 'prepare' } as const;
  const { name } = next;
  const { commonName, validityDays, keyBits } = like;
  // A common name of its own tells the two apart, where the old one's was but its name.
  const input = { ca: name, commonName: commonName === old.name ? name : commonName, validityDays, keyBits };
  const succession: AnyStep = {
    ...{ ...step, id: `succeed-ca-${old.name}`, kind: 'ca.succession' },
    reason: 'from now on whoever trusts the one trusts both',
    diff: `~ CA ${old.name}: ${name} takes its place`,
    input: { ca: old.name, successor: name, isRetired: false, clusters },
  };
  const creation: AnyStep = {
    ...{ ...step, id: `create-ca-${name}`, kind: 'ca.create', input },
    reason: `it takes the place of CA ${old.name}, and is like it`,
    diff: `+ CA ${name}: CN=${input.commonName} (RSA ${keyBits}, ${validityDays} days), key sealed as ${caKeySecret(name)}`,
  };
  return [...(old.successor === name ? [] : [succession]), ...(next.record === null ? [creation] : [])];
};

/** While anything is served by the old CA, every node that connects to it trusts both before the first certificate is replaced. */
const bothSteps = ({ concerned, due, facts, context }: Draft): AnyStep[] => {
  if (due.length === 0) return [];
  const { old, connections } = concerned;
  const locals = connections.filter(({ ca }) => ca === old.name).map(({ local }) => local);
  const reason = `it must trust what CA ${concerned.next.name} signs before anything is served by that`;
  return bundledNodes(facts, locals).flatMap((one) => {
    const names = bundleNames(concerned, facts, one.cluster.name).both;
    return [
      ...bundleStep(one, { names, stage: 'trust-both', reason, isWritten: false }, facts, context),
      trustStep(one, 'prove-both', [old.name, concerned.next.name], []),
    ];
  });
};

const serveSteps = ({ concerned: { next }, due, facts, given }: Draft): AnyStep[] =>
  reissueSteps(
    due,
    { ...facts, trust: facts.trust.filter(({ isDirect }) => isDirect) },
    { ...given, ca: next.name, reason: `CA ${next.name} takes the place of the one that signed its certificate` },
  );

/** As it is on record once the new CA has taken the place in it. */
const succeeded = (connection: ConnectionRecord, { old, next }: Concerned): ConnectionRecord => {
  const { ca, signing } = connection;
  return {
    ...connection,
    ca: ca === old.name ? next.name : ca,
    ...(signing?.ca === old.name ? { signing: { ...signing, ca: next.name } } : {}),
  };
};

const recordSteps = ({ concerned }: Draft): AnyStep[] =>
  usersOf(concerned)
    .filter(({ ca, signing }) => [ca, signing?.ca].includes(concerned.old.name))
    .map((standing) => {
      const connection = succeeded(standing, concerned);
      return {
        ...{ id: `record-${standing.local}.${standing.alias}`, kind: 'connection.record', target: 'coordinator' },
        ...{ effect: 'none', reason: 'nothing that it needs is of the old CA any more', stage: 'record' },
        ...{ diff: connectionDiff(standing, connection), input: { connection } },
      };
    });

/** Only the old CA goes, and only from where it is. */
const onlySteps = (draft: Draft, both: readonly AnyStep[]): AnyStep[] => {
  const { concerned, facts, context } = draft;
  const { old, next } = concerned;
  const written = new Set(both.filter(({ stage }) => stage === 'trust-both').map(({ id }) => id));
  const reason = `nothing is served by CA ${old.name} any more`;
  return bundledNodes(facts, concerned.locals).flatMap((one) => {
    const { cluster, node } = one;
    const names = bundleNames(concerned, facts, cluster.name).only;
    const isWritten = written.has(`trust-both-${cluster.name}.${node.name}`);
    const steps = bundleStep(one, { names, stage: 'trust-new', reason, isWritten }, facts, context);
    return [...steps, trustStep(one, 'prove-new', [next.name], names.includes(old.name) ? [] : [old.name])];
  });
};

const retireStep = ({ concerned: { old, next } }: Draft): AnyStep => ({
  ...{ id: `retire-ca-${old.name}`, kind: 'ca.succession', target: 'coordinator', effect: 'none', stage: 'retire' },
  reason: 'no node trusts it and nothing is served by it any more',
  diff: `~ CA ${old.name}: retired; its key stays sealed, so that this can be taken back`,
  input: { ca: old.name, successor: next.name, isRetired: true },
});

const stepsOf = (draft: Draft): AnyStep[] => {
  const { concerned, facts, context } = draft;
  const both = bothSteps(draft);
  const bothSigned = bothSignedSteps(concerned, facts, context);
  const steps = [
    ...prepareSteps(draft),
    ...both,
    ...bothSigned,
    ...serveSteps(draft),
    ...resignSteps(concerned, facts),
    ...handshakeSteps(concerned.connections, facts, concerned.next.name, 'handshakes'),
    ...crossSteps(usersOf(concerned), facts, 'cross'),
    ...recordSteps(draft),
    ...onlySteps(draft, both),
    ...onlySignedSteps(concerned, facts, context, bothSigned),
    ...crossSteps(usersOf(concerned), facts, 'cross-again'),
    retireStep(draft),
  ];
  const order = new Map(caRotationStages.map(({ id }, index) => [id, index]));
  return steps.sort((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
};

/** A plan does not become another one when an agent comes or goes, or by who could be asked a moment ago. */
const hashOf = (steps: readonly AnyStep[], context: PlanContext): string =>
  context.hash(
    JSON.stringify(
      steps.filter(({ kind }) => kind !== 'connection.prove' && kind !== 'handshake.verify'),
      (key, value: unknown) =>
        ['trustedBy', 'unseen', 'reason', 'diff'].includes(key) ? undefined : withoutBaseline(key, value),
    ),
  );

const awayWarnings = (steps: readonly AnyStep[]): string[] => {
  const away = steps.flatMap((step) =>
    step.kind === 'node.change' && step.input.unseen ? [`${step.target} (cluster ${step.input.cluster})`] : [],
  );
  const names = [...new Set(away)].join(', ');
  return away.length === 0
    ? []
    : [
        `Nodes whose agents are away: ${names}. Until each has proven that it trusts the new CA, nothing is served by that, and nowhere does the old one go: the run ends there, and goes on by itself when an agent is back in time. Only then it is seen whether ${files.caBundle} is what the node uses.`,
      ];
};

const brokenWarnings = ({ connections }: Concerned, { problems }: CaRotationFacts): string[] =>
  connections.flatMap(({ local, alias }) => {
    const problem = problems.get(`${local}/${alias}`);
    return problem === null
      ? []
      : [
          problem === undefined
            ? `The connection ${local}/${alias} is not registered on cluster ${local}: it is not proven.`
            : `The connection ${local}/${alias} does not work now, and is not proven: ${problem}`,
        ];
  });

/**
 * Plans that a CA takes the place of another without a restart, in parts each of which is proven: both are trusted, the new one serves, the old one goes. What an
 * earlier run did already is not done again. Throws all that forbids it.
 */
export const planCaRotation = (request: CaRotateRequest, facts: CaRotationFacts, context: PlanContext): StoredPlan => {
  const concerned = concernedBy(request, facts, context.now);
  const { old, next } = concerned;
  const servers = concerned.certificates.map((record) => reissueOf(record, next.record ?? undefined, facts));
  refuseCaRotation(concerned, servers, facts, request.waitOffline === true);
  const due = servers.filter(({ record, cluster }) => record.ca === old.name || isBehind(record, cluster));
  const given = givenFor(request, concerned, due, facts, context.now);
  const steps = stepsOf({ concerned, due, facts, context, given });
  const cas = next.record === null ? [] : [next.record];
  return {
    planId: context.planId,
    hash: hashOf(steps, context),
    workflow: 'rotate-ca',
    wanted: request,
    title: `Replace CA ${old.name} by ${next.name}`,
    createdAt: context.now,
    clusters: [...concerned.clusters],
    stages: caRotationStages.filter(({ id }) => steps.some(({ stage }) => stage === id)),
    steps,
    restarts: [],
    outages: [],
    warnings: [
      ...awayWarnings(steps),
      ...brokenWarnings(concerned, facts),
      ...(due.length > 0 ? outsideWarnings(concerned, facts, context.now) : []),
      ...trustWarnings(
        servers,
        facts.trust.filter(({ isAway }) => !isAway),
      ),
      ...shortenedWarnings(steps, cas, context.now),
    ],
  };
};
