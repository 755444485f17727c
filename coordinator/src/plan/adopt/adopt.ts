import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { standingSettings } from '../connection/alias-place.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { ClusterObservation } from '../facts.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { type Adoption, adoptionOf } from './adoption.ts';
import { authoritiesOf, importSteps } from './authority.ts';
import type { AdoptionFacts } from './facts.ts';
import { keySteps, revokeSteps } from './keys.ts';
import { refuseAdoption } from './refusals.ts';
import { adoptionWarnings } from './warnings.ts';

const stages: readonly Stage[] = [
  { id: 'prepare', title: 'Put what stands on record', mode: 'serial' },
  { id: 'api-key', title: 'Make a new API key', mode: 'serial' },
  { id: 'keystores', title: 'Put it into the keystores', mode: 'parallel' },
  { id: 'reload', title: 'Reload secure settings', mode: 'parallel' },
  { id: 'prove', title: 'Prove the connection with the new key', mode: 'serial' },
  { id: 'in-use', title: 'Ask which key each node uses', mode: 'serial' },
  { id: 'retire', title: 'Invalidate the key that the nodes had', mode: 'serial' },
  { id: 'prove-again', title: 'Prove the connection without that key', mode: 'serial' },
];

/** The settings of the alias, which stay: what `connect` is given to want the same. */
const keptSettings = (local: ClusterObservation, { alias }: ConnectionRecord): string[] =>
  Object.entries(standingSettings(local, alias)).map(
    ([name, value]) => `  cluster.remote.${alias}.${name}: ${[value].flat().join(', ')} (stays)`,
  );

const whyRecorded = (standing: ConnectionRecord | undefined, { keySecret }: ConnectionRecord): string => {
  if (standing === undefined) return 'Remora manages the connection as it stands from then on';
  return standing.keySecret === keySecret ? 'people changed what stays as they made it' : 'it gets another key';
};

/** Filed first, as by `connect`: what the run then makes is known to belong to a connection of ours, and what the nodes had is known. */
const recordStep = ({ facts, standing, replacement: { connection } }: Adoption): AnyStep[] =>
  JSON.stringify(standing) === JSON.stringify(connection) || (standing && !standing.adopted)
    ? []
    : [
        {
          ...{ id: 'record-connection', kind: 'connection.record', target: 'coordinator', effect: 'none' },
          reason: whyRecorded(standing, connection),
          diff: [connectionDiff(standing, connection), ...keptSettings(facts.local, connection)].join('\n'),
          ...{ stage: 'prepare', input: { connection } },
        },
      ];

/**
 * Plans that a connection which people made by hand is managed: what stands is put on record as it is, and its key, whose value nobody may read out, is replaced by one
 * that grants the same. Throws all that forbids it; a plan without steps means that it is managed, with a key of Remora's in every keystore.
 */
export const planAdoption = (request: AdoptRequest, facts: AdoptionFacts, context: PlanContext): StoredPlan => {
  refuseAdoption(request, facts, context.now);
  const adoption = adoptionOf(request, facts, context);
  const { standing, remote, replacement } = adoption;
  const { connection } = replacement;
  const steps = inStageOrder(stages, [
    ...(standing?.ca === connection.ca ? [] : importSteps(authoritiesOf(request, facts))),
    ...recordStep(adoption),
    ...keySteps(adoption),
    ...revokeSteps(adoption, context.now),
  ]);
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    ...{ workflow: 'adopt', wanted: request, createdAt: context.now },
    title: `Take over the connection ${request.local}/${request.alias} to ${remote.name}`,
    clusters: [request.local, remote.name],
    stages: usedStages(stages, steps),
    steps,
    ...{ restarts: [], outages: [] },
    warnings: adoptionWarnings(adoption, context.now),
  };
};
