import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { heirSteps, neededBy, type TrustUsers } from '../connect-certificate/heirs.ts';
import { halfWay, isOther } from '../connect-certificate/needed.ts';
import { keptAsOwn, type TrustLoss, trustRemovalSteps } from '../connect-certificate/removal.ts';
import { removalFindings } from '../connect-certificate/removal-refusals.ts';
import { BUNDLE } from '../connect-certificate/trust.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import { goneLocalWarnings } from '../disconnect/gone.ts';
import { keptRoleWarnings } from '../disconnect/kept-roles.ts';
import { aliasSteps } from '../disconnect/local.ts';
import { aliasFindings, busyFindings, followerFindings } from '../disconnect/refusals.ts';
import { stageIds, stages } from '../disconnect/stages.ts';
import { type Finding, throwFindings } from '../node/agent-findings.ts';
import { remoteRoleSteps, remoteRoleWarnings } from '../roles/remote-roles.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import type { CertificateDisconnectFacts } from './facts.ts';

const othersOf = ({ connection, connections, deploymentTrusts }: CertificateDisconnectFacts): TrustUsers => ({
  connections: connections.filter(isOther(connection)),
  deploymentTrusts,
});

const lossesOf = (facts: CertificateDisconnectFacts): readonly [local: TrustLoss, remote: TrustLoss] => {
  const { connection, local, remote } = facts;
  const { found, trusts } = connection;
  const others = othersOf(facts);
  return [
    { facts: local, drops: trusts.local, needed: neededBy(connection.local, others), found },
    { facts: remote, drops: trusts.remote, needed: neededBy(connection.remote, others), found },
  ];
};

const trustFindings = (facts: CertificateDisconnectFacts): Finding[] =>
  lossesOf(facts).flatMap((loss) => removalFindings(loss, facts.connections, { keep: 'give --keep-trust' }));

/** What a migration made by then is not on record with the connection. */
const halfWayFindings = ({ connection }: CertificateDisconnectFacts): Finding[] =>
  connection.migrating ? [['conflict', halfWay(connection)]] : [];

const refuse = (request: DisconnectRequest, facts: CertificateDisconnectFacts): void => {
  const { connection } = facts;
  const alias = { facts: { connection, local: facts.local.cluster } };
  throwFindings([
    ...(request.keepServer
      ? [
          [
            'bad-input',
            `--keep-server: ${connection.local}/${connection.alias} is a connection by certificate, which has no remote cluster server. Leave the flag out.`,
          ] as const,
        ]
      : []),
    ...busyFindings({ facts }),
    ...halfWayFindings(facts),
    ...aliasFindings(alias),
    ...followerFindings({ facts, request }),
    ...(request.keepTrust ? [] : trustFindings(facts)),
  ]);
};

const endSteps = (facts: CertificateDisconnectFacts): AnyStep[] => {
  const { connection } = facts;
  const id = `${connection.local}/${connection.alias}`;
  return [
    ...heirSteps(
      { found: connection.found ?? [], clusters: [connection.local, connection.remote] },
      othersOf(facts),
      stageIds.end,
    ),
    {
      ...{ id: 'forget-records', kind: 'inventory.put-back', target: 'coordinator', effect: 'none' },
      ...{ reason: 'nothing of the connection is left', stage: stageIds.end, diff: `- connection ${id}` },
      input: { records: [{ collection: 'connections', id, record: null }] },
    },
  ];
};

const warningsOf = (
  { keepTrust, remoteGone, localGone }: DisconnectRequest,
  facts: CertificateDisconnectFacts,
): string[] => {
  const { local, remote } = facts.connection;
  return [
    ...(keepTrust
      ? [
          `${BUNDLE} and the settings that name it stay on the nodes of ${local} and ${remote} (--keep-trust): they go on trusting each other's transport CA.`,
        ]
      : lossesOf(facts).flatMap(keptAsOwn)),
    ...(remoteGone
      ? [
          `Cluster ${remote} is taken to be gone for good: nothing is changed there, and what is on record of the connection is forgotten.`,
        ]
      : []),
    ...(localGone
      ? goneLocalWarnings(
          facts,
          `The alias ${facts.connection.alias} in its settings and ${BUNDLE} with the settings that name it stay on its machines: wipe them, or take these out, before its nodes run again.`,
        )
      : []),
  ];
};

/**
 * Plans to take a connection by certificate apart: the alias goes, then on both sides the trust that it alone needed. Asked again half-way it plans what is left. Throws a
 * RemoraError with all findings when it cannot be done.
 */
export const planCertificateDisconnect = (
  request: DisconnectRequest,
  facts: CertificateDisconnectFacts,
  context: PlanContext,
): StoredPlan => {
  refuse(request, facts);
  const { local, remote, alias } = facts.connection;
  const [onLocal, onRemote] = lossesOf(facts);
  const trust = request.keepTrust
    ? []
    : [
        ...trustRemovalSteps(onLocal, { roll: stageIds.localRoll, files: stageIds.localFiles }),
        ...trustRemovalSteps(onRemote, { roll: stageIds.remoteRoll, files: stageIds.remoteFiles }),
      ];
  const steps = inStageOrder(stages, [
    ...aliasSteps({ facts: { connection: facts.connection, local: facts.local.cluster } }),
    ...trust,
    ...(request.removeRoles ? remoteRoleSteps(facts.remoteRoles, stageIds.roles) : []),
    ...endSteps(facts),
  ]);
  const restartsIn = (stage: string): string[] =>
    steps.filter((step) => step.stage === stage).map(({ target }) => target);
  const rolled = [
    { cluster: facts.local.cluster, restarts: restartsIn(stageIds.localRoll) },
    { cluster: facts.remote.cluster, restarts: restartsIn(stageIds.remoteRoll) },
  ];
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    workflow: 'disconnect',
    wanted: request,
    title: `Disconnect ${local} from ${remote} ("${alias}")`,
    createdAt: context.now,
    clusters: [local, remote],
    stages: usedStages(stages, steps),
    steps,
    restarts: rolled.flatMap(({ restarts }) => restarts),
    outages: rolled.flatMap(({ cluster, restarts }) => outagesOf(cluster, restarts)),
    warnings: [
      ...warningsOf(request, facts),
      ...keptRoleWarnings(facts.connection, facts.roles),
      ...remoteRoleWarnings(facts.remoteRoles, request.removeRoles === true),
      ...rolled.flatMap(({ cluster, restarts }) => unreplicatedWarning(cluster, restarts)),
    ],
  };
};
