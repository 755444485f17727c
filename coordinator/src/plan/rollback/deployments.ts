import type { DeploymentSeen } from '../cloud-deployment/facts.ts';
import { deploymentKeyStep } from '../cloud-deployment/local-side.ts';
import type { KeyEntryBefore } from '../keys/key-before.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { isKept } from '../node/secret-versions.ts';
import type { AnyStep, PlannedStep, Stage } from '../steps.ts';
import { type DirectRelationship, sameRelationship } from '../trust/cloud-trust.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';
import type { Part } from './settings.ts';

/** A deployment is told no key any more before it trusts nobody who is reached with one. */
export const deploymentStages = [
  { id: 'cloud-key', title: 'Put keystores of deployments back', mode: 'serial' },
  { id: 'cloud-trust', title: 'Put back whom deployments trust', mode: 'serial' },
] as const satisfies readonly Stage[];

const seen = (
  { clusters }: RollbackFacts,
  { cloud, deployment: id }: { readonly cloud: string; readonly deployment: string },
): DeploymentSeen | undefined =>
  [...clusters.values()]
    .flatMap(({ deployment }) => deployment ?? [])
    .find((one) => one.cloud === cloud && one.id === id);

const nothing: Part = { steps: [], warnings: [], findings: [] };

/** What it was, and whether that can be written again: a keystore tells no values, and Remora knows those that it wrote. */
const keyPart = (facts: RollbackFacts, { id, input }: PlannedStep<'cloud.key'>): Part => {
  const past = facts.run.steps.get(id);
  const before = beforeOf(past) as KeyEntryBefore | undefined;
  const deployment = seen(facts, input);
  if (before === undefined || deployment === undefined) return nothing;
  const { alias } = input;
  const isThere = deployment.entries.includes(credentialEntry(alias));
  const standing = isThere ? (deployment.written[alias] ?? null) : null;
  const what = `The keystore entry ${credentialEntry(alias)} of deployment ${deployment.name}`;
  // One that a run did not come to note may have been written all the same.
  const isOpen = past?.status !== 'succeeded' && (standing === before.reference || standing === null);
  if (!isOpen && isThere === before.isThere && standing === before.reference) return nothing;
  if (!isThere && !before.isThere) return nothing;
  if (!isOpen && standing !== input.secret)
    return { ...nothing, warnings: [`${what} was changed by somebody else since, and stays as it is.`] };
  if (before.isThere && before.reference === null)
    return {
      ...nothing,
      findings: [
        `${what} had a value before that Remora did not write, and Elastic Cloud tells it nobody: put it there again with \`remora clouds key ${deployment.cloud} ${deployment.id} ${alias} --secret NAME\`.`,
      ],
    };
  if (before.reference !== null && !isKept(facts.secretVersions, before.reference))
    return { ...nothing, findings: [`${what} had ${before.reference} before, which is not kept any more.`] };
  const step = deploymentKeyStep(deployment, alias, {
    ...{ id: `put-back-key-${deployment.id}-${alias}`, secret: before.reference, stage: 'cloud-key' },
    reason: 'the run wrote another',
  });
  return { ...nothing, steps: [step] };
};

/** As the step made it, with the CAs that it named. */
const madeBy = ({ cas }: RollbackFacts, { input }: PlannedStep<'cloud.trust'>): DirectRelationship | null => {
  if (input.relationship === null) return null;
  const pems = cas.filter(({ name }) => input.cas?.includes(name)).map(({ certificatePem: pem }) => ({ pem }));
  return { ...input.relationship, certificates: [...input.relationship.certificates, ...pems] };
};

const isSame = (a: DirectRelationship | null, b: DirectRelationship | null): boolean =>
  a === null || b === null ? a === b : sameRelationship(a, b);

const trustPart = (facts: RollbackFacts, step: PlannedStep<'cloud.trust'>): Part => {
  const before = beforeOf(facts.run.steps.get(step.id)) as DirectRelationship | null | undefined;
  const deployment = seen(facts, step.input);
  if (before === undefined || deployment === undefined) return nothing;
  const { cloud, deployment: id, name } = step.input;
  const standing = deployment.direct.find((one) => one.name === name) ?? null;
  if (isSame(standing, before)) return nothing;
  if (!isSame(standing, madeBy(facts, step)))
    return {
      ...nothing,
      warnings: [`The trust ${name} of deployment ${deployment.name} was changed by somebody else since, and stays.`],
    };
  // Elastic Cloud gives another identifier to one that is made again.
  const { uid: _, ...relationship } = before ?? { uid: undefined };
  const back: AnyStep = {
    ...{ id: `put-back-trust-${id}-${name}`, kind: 'cloud.trust', target: deployment.name, effect: 'api' },
    ...{ reason: 'the run changed it', stage: 'cloud-trust' },
    diff: before === null ? `- trust ${name}` : `~ trust ${name}: as it was before`,
    input: { cloud, deployment: id, name, relationship: before === null ? null : (relationship as DirectRelationship) },
  };
  return { ...nothing, steps: [back] };
};

/** Puts back what a run had the clouds of deployments change, the newest change first. */
export const deploymentsPart = (facts: RollbackFacts): Part => {
  const parts = facts.run.plan.steps.toReversed().map((step): Part => {
    if (step.kind === 'cloud.key') return keyPart(facts, step);
    return step.kind === 'cloud.trust' ? trustPart(facts, step) : nothing;
  });
  return {
    steps: parts.flatMap(({ steps }) => steps),
    warnings: parts.flatMap(({ warnings }) => warnings),
    findings: parts.flatMap(({ findings }) => findings),
  };
};
