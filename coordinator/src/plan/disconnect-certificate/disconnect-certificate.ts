import type { DisconnectRequest } from '@remora/shared/model/disconnect-request.ts';
import { agentFindings, type Finding, nodesAbsent, settingsFileUneditable, throwFindings } from '../agent-findings.ts';
import type { TransportFacts } from '../connect-certificate/facts.ts';
import { keylessAliases } from '../connect-certificate/hand-made.ts';
import { isOther, neededOn, trustHeirs } from '../connect-certificate/needed.ts';
import { keptAsOwn, leftWithoutTrust, type TrustLoss, trustRemovalSteps } from '../connect-certificate/removal.ts';
import { BUNDLE } from '../connect-certificate/trust.ts';
import { connectionDiff } from '../connection-diff.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import { aliasSteps } from '../disconnect/local.ts';
import { aliasFindings, busyFindings, followerFindings } from '../disconnect/refusals.ts';
import { stageIds, stages } from '../disconnect/stages.ts';
import { outagesOf, unreplicatedWarning } from '../outages.ts';
import { sslPrefix } from '../ssl.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import type { CertificateDisconnectFacts } from './facts.ts';

const lossesOf = (facts: CertificateDisconnectFacts): readonly [local: TrustLoss, remote: TrustLoss] => {
  const { connection, local, remote } = facts;
  const others = facts.connections.filter(isOther(connection));
  const { found, trusts } = connection;
  return [
    { facts: local, drops: trusts.local, needed: neededOn(connection.local, others), found },
    { facts: remote, drops: trusts.remote, needed: neededOn(connection.remote, others), found },
  ];
};

const nodeFindings = ({ cluster }: TransportFacts): Finding[] => {
  const absent = nodesAbsent(cluster);
  return [
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
    ...cluster.nodes.flatMap((node): Finding[] => {
      const uneditable = settingsFileUneditable(node, cluster);
      return [
        ...agentFindings(node, cluster),
        ...(uneditable === null ? [] : [['settings-file', uneditable] as const]),
      ];
    }),
  ];
};

/** Whoever connects by certificate to or from one of the clusters may live on the CAs that would go. */
const keylessFindings = ({ cluster }: TransportFacts, { connections }: CertificateDisconnectFacts): Finding[] =>
  keylessAliases(cluster, connections).map((alias) => [
    'conflict',
    `Cluster ${cluster.name} has the alias ${alias}, which Remora does not manage and which connects without an API key, so that it may live on ${BUNDLE}: give --keep-trust, or remove that alias first.`,
  ]);

const trustFindings = (facts: CertificateDisconnectFacts): Finding[] =>
  lossesOf(facts).flatMap((loss): Finding[] => {
    if (trustRemovalSteps(loss, { roll: '', files: '' }).length === 0) return [];
    const { name } = loss.facts.cluster;
    return [
      ...nodeFindings(loss.facts),
      ...keylessFindings(loss.facts, facts),
      ...leftWithoutTrust(loss).map(
        (node): Finding => [
          'conflict',
          `elasticsearch.yml of node ${node} (cluster ${name}) names ${BUNDLE} alone for its transport port, which somebody changed since: name the CA of the cluster there first.`,
        ],
      ),
    ];
  });

/** What a migration changed beyond the transport ports is on record with the connection until it is one by API key. */
const halfWayFindings = ({ connection: { local, alias, found = [] } }: CertificateDisconnectFacts): Finding[] =>
  found.some(({ settings }) => Object.keys(settings).some((name) => !name.startsWith(sslPrefix.transport)))
    ? [
        [
          'conflict',
          `The connection ${local}/${alias} is half-way to API keys: bring it there with \`remora migrate ${local} ${alias} --to api_key\`, or take that run back with \`remora runs rollback\`, and then give this command again.`,
        ],
      ]
    : [];

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

const heirSteps = ({ connection, connections }: CertificateDisconnectFacts): AnyStep[] =>
  trustHeirs(
    {
      trust: { trusts: connection.trusts, found: connection.found ?? [] },
      clusters: [connection.local, connection.remote],
    },
    connections.filter(isOther(connection)),
  ).map((heir) => ({
    ...{ id: `record-${heir.local}.${heir.alias}`, kind: 'connection.record', target: 'coordinator', effect: 'none' },
    reason: 'it takes over what is on record of the nodes as they were before Remora came',
    ...{ stage: stageIds.end, diff: connectionDiff(heir, heir), input: { connection: heir } },
  }));

const endSteps = (facts: CertificateDisconnectFacts): AnyStep[] => {
  const id = `${facts.connection.local}/${facts.connection.alias}`;
  return [
    ...heirSteps(facts),
    {
      ...{ id: 'forget-records', kind: 'inventory.put-back', target: 'coordinator', effect: 'none' },
      ...{ reason: 'nothing of the connection is left', stage: stageIds.end, diff: `- connection ${id}` },
      input: { records: [{ collection: 'connections', id, record: null }] },
    },
  ];
};

const warningsOf = ({ keepTrust, remoteGone }: DisconnectRequest, facts: CertificateDisconnectFacts): string[] => {
  const { local, remote } = facts.connection;
  return [
    ...(keepTrust
      ? [
          `${BUNDLE} and the settings that name it stay on the nodes of ${local} and ${remote} (--keep-trust): they go on trusting each other's transport CA.`,
        ]
      : lossesOf(facts).flatMap((loss) =>
          keptAsOwn(loss).map(
            (subject) =>
              `${subject} stays in ${BUNDLE} on nodes of ${loss.facts.cluster.name}: the cluster's own nodes are trusted by it, and by no other file.`,
          ),
        )),
    ...(remoteGone
      ? [
          `Cluster ${remote} is taken to be gone for good: nothing is changed there, and what is on record of the connection is forgotten.`,
        ]
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
  const order = new Map(stages.map(({ id }, index) => [id, index]));
  const steps = [
    ...aliasSteps({ facts: { connection: facts.connection, local: facts.local.cluster } }),
    ...trust,
    ...endSteps(facts),
  ].sort((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
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
    stages: stages.filter(({ id }) => steps.some(({ stage }) => stage === id)),
    steps,
    restarts: rolled.flatMap(({ restarts }) => restarts),
    outages: rolled.flatMap(({ cluster, restarts }) => outagesOf(cluster, restarts)),
    warnings: [
      ...warningsOf(request, facts),
      ...rolled.flatMap(({ cluster, restarts }) => unreplicatedWarning(cluster, restarts)),
    ],
  };
};
