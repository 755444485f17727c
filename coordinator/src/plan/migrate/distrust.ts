import { heirSteps, neededBy } from '../connect-certificate/heirs.ts';
import { transportTrustOf } from '../connect-certificate/needed.ts';
import { type TrustLoss, trustRemovalSteps } from '../connect-certificate/removal.ts';
import { removalFindings } from '../connect-certificate/removal-refusals.ts';
import { type ConnectionRecord, proofOf, type TransportTrust } from '../connection/connection-records.ts';
import type { Finding } from '../node/agent-findings.ts';
import type { AnyStep } from '../steps.ts';
import type { MigrateFacts } from './facts.ts';
import { othersOf, recordStep } from './records.ts';
import { phases, stageIds } from './stages.ts';

/** What the nodes of each cluster would not trust any more. */
export const lossesOf = (
  facts: MigrateFacts,
  { alias }: Pick<ConnectionRecord, 'alias'>,
  { trusts, found }: TransportTrust,
) => {
  const others = { connections: othersOf(facts, alias), deploymentTrusts: facts.deploymentTrusts };
  const { local, remote } = facts;
  return {
    local: { facts: local, drops: trusts.local, needed: neededBy(local.cluster.name, others), found },
    remote: { facts: remote, drops: trusts.remote, needed: neededBy(remote.cluster.name, others), found },
  } satisfies Record<string, TrustLoss>;
};

/** What forbids to take it off. */
export const distrustFindings = (facts: MigrateFacts, alias: string): Finding[] => {
  const trust = facts.record && transportTrustOf(facts.record);
  if (trust === null) return [];
  const except = { local: facts.local.cluster.name, alias };
  return Object.values(lossesOf(facts, { alias }, trust)).flatMap((loss) =>
    removalFindings(loss, facts.connections, { keep: 'leave out --remove-trust', except }),
  );
};

/** Takes the trust between the transport ports off both clusters, once the connection works without it, and proves that it does. */
export const distrustSteps = (facts: MigrateFacts, record: ConnectionRecord, isAfterOther: boolean): AnyStep[] => {
  const { transport, ...without } = record;
  if (transport === undefined) return [];
  const later = { phase: phases.distrust, isAfterOther };
  const losses = lossesOf(facts, record, transport);
  const proof: AnyStep = {
    ...{ id: 'prove-without-trust', kind: 'connection.prove', target: record.local, effect: 'none', diff: '' },
    ...{ reason: 'the connection must work without the old trust', stage: stageIds.end, input: proofOf(record) },
  };
  return [
    ...trustRemovalSteps(losses.local, { roll: stageIds.distrustLocalRoll, files: stageIds.distrustLocalFiles }, later),
    ...trustRemovalSteps(
      losses.remote,
      { roll: stageIds.distrustRemoteRoll, files: stageIds.distrustRemoteFiles },
      later,
    ),
    proof,
    ...heirSteps(
      { found: transport.found, clusters: [record.local, record.remote] },
      { connections: othersOf(facts, record.alias), deploymentTrusts: facts.deploymentTrusts },
      stageIds.end,
    ),
    ...recordStep(
      {
        id: 'record-without-trust',
        stage: stageIds.end,
        reason: 'nothing is left of the trust between the transport ports',
      },
      record,
      without,
    ),
  ];
};
