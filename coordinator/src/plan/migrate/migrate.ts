import { givesAccess, type MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { draftOf } from '../connect/connect.ts';
import type { ConnectDraft } from '../connect/draft.ts';
import { keySteps } from '../connect/key/key.ts';
import { serverSetUp } from '../connect/remote.ts';
import { transportTrustOf } from '../connect-certificate/needed.ts';
import { keptAsOwn } from '../connect-certificate/removal.ts';
import { isByCertificate } from '../connection/connection-records.ts';
import { type PlanContext, withoutTrust } from '../context.ts';
import { remoteRoleSteps, remoteRoleWarnings } from '../roles/remote-roles.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder } from '../stage-order.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import { distrustSteps, lossesOf } from './distrust.ts';
import type { MigrateFacts } from './facts.ts';
import { localSteps } from './local.ts';
import { recordAfter, recordOnTheWay, recordStep } from './records.ts';
import { refuse } from './refusals.ts';
import { stageIds, stages, stagesIn } from './stages.ts';
import { connectRequestOf } from './wanted.ts';

/** From the certificate to the key: all that is there is kept until every node has proven the new way. */
const migrationSteps = (facts: MigrateFacts, draft: ConnectDraft): AnyStep[] => {
  const onTheWay = recordOnTheWay(facts, draft);
  const noted = {
    id: 'note-found',
    stage: 'prepare',
    reason: 'what nodes have in elasticsearch.yml is noted before it is changed, and that it goes on',
  };
  return [
    ...(onTheWay === null ? [] : recordStep(noted, facts.record, onTheWay)),
    ...serverSetUp(draft),
    ...keySteps(draft),
    ...localSteps(draft),
    ...recordStep(
      { id: 'record-connection', stage: stageIds.record, reason: 'every node has proven the key' },
      onTheWay,
      recordAfter(facts, draft),
    ),
  ];
};

const stepsOf = (wish: MigrateRequest, facts: MigrateFacts, draft: ConnectDraft): AnyStep[] => {
  const { record } = facts;
  const roles = wish.removeRoles ? remoteRoleSteps(facts.remoteRoles, stageIds.roles) : [];
  if (record !== null && !isByCertificate(record))
    return [...(wish.removeTrust ? distrustSteps(facts, record, false) : []), ...roles];
  return [
    ...migrationSteps(facts, draft),
    ...(wish.removeTrust ? distrustSteps(facts, recordAfter(facts, draft), true) : []),
    ...roles,
  ];
};

/** What people should know of the moments in which searches may not cross. */
const gapWarning = ({ mode, alias, local }: ConnectDraft['request']): string =>
  mode === 'sniff'
    ? `Nodes of ${local} connect anew three times: when the alias ${alias} leads both ways, when they get the key, and when it leads the new way alone. Each time searches over it fail or are skipped for as long as a connection takes, mostly a second or less; in between they cross.`
    : `Searches over the alias ${alias} fail or are skipped from when nodes of ${local} have the key until the alias leads to the new address, mostly a second or two: a proxy has one address.`;

/** Another model lets users in by other roles. */
const rolesWarning = ({ local, remote, alias }: ConnectDraft['request']): string =>
  `From when nodes of ${local} have the key on, users get over ${alias} what remote_indices of their roles in cluster ${local} grant, and roles of the same name on ${remote} count no more: give them such roles before, and \`remora roles check ${local} ${alias}\` shows afterwards which roles of Remora's are to be made anew.`;

const trustWarnings = (wish: MigrateRequest, facts: MigrateFacts, { request }: ConnectDraft): string[] => {
  const { local, remote, alias } = request;
  const trust = facts.record && transportTrustOf(facts.record);
  if (trust === null || trust.trusts.local.length + trust.trusts.remote.length === 0)
    return [
      `Where the nodes of ${local} and ${remote} trust each other on their transport ports, that stays, since Remora did not place it: any node of one may join in with the other until that is taken out.`,
    ];
  if (wish.removeTrust) return Object.values(lossesOf(facts, request, trust)).flatMap(keptAsOwn);
  return [
    `The nodes of ${local} and ${remote} go on trusting each other's transport CA: \`remora migrate ${local} ${alias} --to api_key --remove-trust\` takes that off later, with a restart of each node.`,
  ];
};

/** Of one that is there already: what was said of the key is not looked at. */
const doneWarnings = (wish: MigrateRequest, facts: MigrateFacts, draft: ConnectDraft): string[] => [
  ...(givesAccess(wish)
    ? [
        `The connection ${wish.local}/${wish.alias} is one by API key already: what its key grants and where it leads stay as they are. \`remora connect\` changes them.`,
      ]
    : []),
  ...(wish.removeTrust ? trustWarnings(wish, facts, draft) : []),
];

/**
 * Plans to bring a connection by certificate to API keys. The key, the remote cluster server and all that takes restarts come first; the alias then leads both ways until
 * every node has proven the key. Throws a RemoraError with all findings when it cannot be done; a plan without steps means that it is one by API key already.
 */
export const planMigration = (wish: MigrateRequest, facts: MigrateFacts, context: PlanContext): StoredPlan => {
  const request = connectRequestOf(wish, facts.connect.remote.name, facts.connect.local);
  const draft = draftOf(request, facts.connect, context);
  const isDone = facts.record !== null && !isByCertificate(facts.record);
  refuse(wish, draft, facts);
  const steps = inStageOrder(stages, stepsOf(wish, facts, draft));
  const restartsOf = (cluster: string): string[] =>
    steps.flatMap((step) =>
      step.kind === 'node.change' && step.effect === 'restart' && step.input.cluster === cluster ? [step.target] : [],
    );
  const rolled = [facts.connect.remote, facts.connect.local].map((cluster) => ({
    cluster,
    restarts: restartsOf(cluster.name),
  }));
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutTrust)),
    workflow: 'migrate',
    wanted: wish,
    title: `Bring ${wish.local}/${wish.alias} from certificates to API keys`,
    createdAt: context.now,
    clusters: [request.local, request.remote],
    stages: stagesIn(request.mode).filter(({ id }) => steps.some(({ stage }) => stage === id)),
    steps,
    restarts: rolled.flatMap(({ restarts }) => restarts),
    outages: rolled.flatMap(({ cluster, restarts }) => outagesOf(cluster, [...new Set(restarts)])),
    warnings: [
      ...(isDone
        ? doneWarnings(wish, facts, draft)
        : [gapWarning(request), rolesWarning(request), ...trustWarnings(wish, facts, draft)]),
      ...remoteRoleWarnings(facts.remoteRoles, wish.removeRoles === true),
      ...rolled.flatMap(({ cluster, restarts }) => unreplicatedWarning(cluster, [...new Set(restarts)])),
    ],
  };
};
