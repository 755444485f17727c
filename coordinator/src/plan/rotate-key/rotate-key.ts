import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { deploymentLock } from '../cloud-deployment/local-side.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import { connectionName } from '../keys/new-key.ts';
import { type Finding, throwFindings } from '../node/agent-findings.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import { isDue, isRevoked, meantConnections } from './chosen.ts';
import type { KeyRotationFacts } from './facts.ts';
import { keyRotationFindings } from './refusals.ts';
import { type KeyRotation, rotationOf } from './rotation.ts';
import { keyRotationStages } from './stages.ts';
import { keyRotationSteps } from './steps.ts';
import { keyRotationWarnings } from './warnings.ts';

/** A plan does not become another one when an agent comes or goes, or by what somebody is told. */
const hashOf = (steps: readonly AnyStep[], context: PlanContext): string =>
  context.hash(
    JSON.stringify(steps, (key, value: unknown) =>
      ['unseen', 'reason', 'diff'].includes(key) ? undefined : withoutBaseline(key, value),
    ),
  );

const titleOf = (rotations: readonly KeyRotation[]): string => {
  const [first] = rotations;
  if (first && rotations.length === 1) return `Replace the API key of ${connectionName(first.standing)}`;
  return `Replace ${rotations.length} API keys`;
};

/** Those that cannot be replaced now, with why, where others are to be done all the same. */
const leftOf = (
  wanted: readonly KeyRotation[],
  request: KeyRotateRequest,
  facts: KeyRotationFacts,
): ReadonlyMap<KeyRotation, readonly Finding[]> => {
  const found = wanted
    .map((one) => [one, keyRotationFindings(one, facts, request)] as const)
    .filter(([, findings]) => findings.length > 0);
  if (request.asFarAsPossible && (found.length < wanted.length || wanted.length === 0)) return new Map(found);
  const messages = found.flatMap(([, findings]) => findings);
  // Two connections of a cluster have its nodes in common.
  const seen = messages.map(([, message]) => message);
  throwFindings(messages.filter(([, message], index) => seen.indexOf(message) === index));
  return new Map();
};

const revokedWarnings = ({ all }: KeyRotateRequest, meant: readonly KeyRotation[], now: string): string[] =>
  (all ? meant : [])
    .filter((one) => isRevoked(one, now))
    .map(
      ({ standing: { local, alias }, current }) =>
        `${local}/${alias} is left: its key was invalidated${current?.key || current?.record.revoked ? '' : ', or its cluster forgot it'}. \`remora api-keys rotate ${local} ${alias}\` gives it another.`,
    );

const clustersOf = (rotations: readonly KeyRotation[]): string[] => {
  const all = rotations.flatMap(({ standing: { local, remote } }) => [local, remote]);
  const deployments = rotations.flatMap(({ local }) => local?.deployment ?? []).map(deploymentLock);
  return [...new Set([...all, ...deployments])];
};

/**
 * Plans that the keys of connections are replaced without a gap: the old one is invalidated only once every node has proven the new one. What an earlier run
 * did already is not done again. Throws all that forbids it.
 */
export const planKeyRotation = (
  request: KeyRotateRequest,
  facts: KeyRotationFacts,
  context: PlanContext,
): StoredPlan => {
  const all = meantConnections(request, facts.connections).map((one) => rotationOf(one, request, facts, context));
  const wanted = all.filter((one) => isDue(request, one, context.now));
  const left = leftOf(wanted, request, facts);
  const rotations = wanted.filter((one) => !left.has(one));
  const order = new Map(keyRotationStages.map(({ id }, index) => [id, index]));
  const steps = keyRotationSteps(rotations, request, facts).sort(
    (a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0),
  );
  return {
    planId: context.planId,
    hash: hashOf(steps, context),
    ...{ workflow: 'rotate-key', wanted: request, title: titleOf(rotations) },
    createdAt: context.now,
    clusters: clustersOf(rotations),
    stages: keyRotationStages.filter(({ id }) => steps.some(({ stage }) => stage === id)),
    steps,
    ...{ restarts: [], outages: [] },
    warnings: [
      ...[...left].flatMap(([{ standing }, findings]) =>
        findings.map(([, message]) => `${connectionName(standing)} is left: ${message}`),
      ),
      ...revokedWarnings(request, all, context.now),
      ...keyRotationWarnings(rotations, steps, facts),
    ],
  };
};
