import { RemoraError } from '@remora/shared/errors.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { deploymentLock, trustChangeWarnings } from '../cloud-deployment/local-side.ts';
import { aliasSettings, aliasWarnings } from '../connection/alias.ts';
import { precedenceWarnings } from '../connection/alias-in-files.ts';
import { inCluster, isPlaced, placeOf } from '../connection/alias-place.ts';
import { adoptedIn, type ConnectionRecord } from '../connection/connection-records.ts';
import { foreignLines } from '../connection/static-alias.ts';
import { type PlanContext, withoutTrust } from '../context.ts';
import type { ConnectFacts } from '../facts.ts';
import { keyConfig } from '../keys/key-names.ts';
import { withFound } from '../node/found-settings.ts';
import { connectingNodes } from '../node/nodes.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { keptTrustWarnings } from '../signing/signing-off.ts';
import { wideWarning } from '../signing/signing-wish.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import { caNameOf } from '../trust/ca-names.ts';
import { unaskedWarnings } from '../trust/port-proof.ts';
import type { ConnectDraft } from './draft.ts';
import { foundBefore } from './found.ts';
import { keySecretOf } from './key/key.ts';
import { limitSteps } from './key/limit.ts';
import { restrictedWarnings } from './key/restricted.ts';
import { aliasWish, localSteps } from './local.ts';
import { type Finding, preflight } from './preflight/preflight.ts';
import { takenPortWarnings } from './preflight/preflight-addresses.ts';
import { queryWarnings } from './queries.ts';
import { remoteSteps } from './remote.ts';
import { blindWarning, signedSteps, signSteps } from './signing/signing.ts';
import { signingDraft } from './signing/signing-draft.ts';
import { unsignedSteps } from './signing/unsigned.ts';
import { stages } from './stages.ts';
import { accessOf, MAX_ADDRESSES, serverAddresses, serverWishes, targetAddresses } from './wanted.ts';

/**
 * Where the local nodes will connect to, so that the paths there can be tried before planning. In sniff mode that are the nodes' own addresses, whatever seeds
 * were given: these are a first contact only.
 */
export const plannedAddresses = (remote: ConnectFacts['remote'], request: ConnectRequest): string[] => {
  const servers = serverWishes(remote, request);
  const targets = targetAddresses(servers, request).slice(0, MAX_ADDRESSES);
  return request.mode === 'sniff' ? [...new Set([...targets, ...serverAddresses(servers)])] : targets;
};

/** The same nodes are the same wish, in whatever order they were given. */
const staticNodesOf = ({ staticNodes }: ConnectRequest): Pick<ConnectionRecord, 'staticNodes'> => {
  if (staticNodes === undefined || staticNodes === 'all') return staticNodes === undefined ? {} : { staticNodes };
  return { staticNodes: [...new Set(staticNodes)].sort() };
};

/** What the steps are made from, whether they can be carried out or not. */
export const draftOf = (request: ConnectRequest, facts: ConnectFacts, context: PlanContext): ConnectDraft => {
  const servers = serverWishes(facts.remote, request);
  const access = accessOf(request);
  const expires = request.expires ?? null;
  const ca = caNameOf(facts, request);
  const keyConfigHash = context.hash(keyConfig(access, expires, request.metadata));
  const keySecret = keySecretOf(facts, request, keyConfigHash);
  const settings = aliasSettings(targetAddresses(servers, request), request);
  const signing = signingDraft(request, facts, context);
  const standing = facts.connections.find(({ local, alias }) => local === request.local && alias === request.alias);
  const adopted = adoptedIn(standing);
  const ownSettings = [...new Set([...(standing?.settings ?? []), ...Object.keys(settings)])].sort();
  const wish = { ...{ alias: request.alias, place: placeOf(request), mode: request.mode }, settings, ownSettings };
  const record: ConnectionRecord = {
    local: request.local,
    remote: request.remote,
    alias: request.alias,
    auth: 'api_key',
    mode: request.mode,
    ca,
    keySecret,
    access,
    expires,
    ...(request.metadata === undefined ? {} : { metadata: request.metadata }),
    settings: ownSettings,
    ...staticNodesOf(request),
    ...(signing.wish === null ? {} : { signing: signing.wish }),
    ...withFound(standing?.found, foundBefore(facts, { servers, adopted, wish })),
    ...(standing !== undefined && 'transport' in standing ? { transport: standing.transport } : {}),
    ...(adopted ? { adopted } : {}),
    ...(request.proxyCa === undefined ? {} : { proxyCa: request.proxyCa }),
  };
  return {
    request,
    facts,
    context,
    servers,
    ca,
    record,
    keyConfigHash,
    signing,
    settings,
  };
};

/** Of what others wrote about the alias into elasticsearch.yml. */
const lineWarnings = (draft: ConnectDraft): string[] => {
  const wish = { ...aliasWish(draft), found: draft.record.found };
  const winning = wish.place.kind === 'cluster' ? draft.settings : {};
  return precedenceWarnings(draft.facts.local, wish.alias, winning, (node) => foreignLines(wish, node));
};

/** Elasticsearch gives a follower's task to the data node with the least load that has the role, and auto-follow patterns to the master. */
const replicationWarnings = ({ facts: { local }, record, request }: ConnectDraft): string[] => {
  const others = connectingNodes(local, inCluster).filter(({ name }) => !isPlaced(placeOf(record), name));
  if (others.length === 0 || (record.access.replication ?? []).length === 0) return [];
  const names = others.map(({ name }) => name).sort();
  return [
    `The key grants replication, and Elasticsearch does not ask which nodes have the alias: ${names.join(', ')} (cluster ${local.name}) will not know ${request.alias}, and followers and auto-follow patterns that are worked on there fail. Name every data node and every node that may become master, or give --static.`,
  ];
};

/** Throws what preflight found, all of it: the first finding as the message, the rest beside it. */
const refuse = (findings: readonly Finding[]): never => {
  const [first, ...rest] = findings;
  const more = rest.length > 0 ? ` (and ${rest.length} more)` : '';
  throw new RemoraError(first?.code ?? 'preflight-failed', `${first?.message ?? 'preflight failed'}${more}`, {
    findings: findings.map(({ check, message }) => `${check}: ${message}`),
  });
};

/**
 * Plans an API-key connection from one cluster to another, from the facts alone. Throws a RemoraError with all findings when it cannot be done; a plan
 * without steps means that everything is in place and proven.
 */
export const planConnect = (request: ConnectRequest, facts: ConnectFacts, context: PlanContext): StoredPlan => {
  const draft = draftOf(request, facts, context);
  const findings = preflight({ facts, request, servers: draft.servers, now: context.now });
  if (findings.length > 0) refuse(findings);
  const remote = remoteSteps(draft);
  const local = localSteps(draft, [...remote, ...signSteps(draft)]);
  const signed = [...signedSteps(draft), ...unsignedSteps(draft)];
  const whole: AnyStep[] = inStageOrder(stages, [...remote, ...local, ...signed]);
  const { steps, warnings } = limitSteps(whole, facts, request);
  const restartsIn = (stage: string): string[] =>
    steps.filter((step) => step.stage === stage).map((step) => step.target);
  const { deployment } = facts.local;
  const restarts = {
    remote: restartsIn('remote-roll'),
    local: [...restartsIn('local-roll'), ...restartsIn('lines-off')],
  };
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutTrust)),
    workflow: 'connect',
    wanted: request,
    title: `Connect ${request.local} to ${request.remote} as "${request.alias}"`,
    createdAt: context.now,
    clusters: [request.local, request.remote, ...(deployment === undefined ? [] : [deploymentLock(deployment)])],
    stages: usedStages(stages, steps),
    steps,
    restarts: [...restarts.remote, ...restarts.local],
    outages: [...outagesOf(facts.remote, restarts.remote), ...outagesOf(facts.local, [...new Set(restarts.local)])],
    warnings: [
      ...warnings,
      ...(steps.some(({ stage }) => stage === 'connect') ? aliasWarnings(aliasWish(draft)) : []),
      ...(steps.some(({ stage }) => stage === 'api-key')
        ? [...queryWarnings(draft.record.access), ...restrictedWarnings(draft.record.access)]
        : []),
      ...(deployment !== undefined && steps.some(({ kind }) => kind === 'cloud.trust')
        ? trustChangeWarnings(deployment)
        : []),
      ...wideWarning(draft.signing.wish),
      ...(steps.some(({ id }) => id === 'trust-signatures') ? blindWarning(draft.signing, facts.remote) : []),
      ...(draft.signing.goes ? keptTrustWarnings(facts.remote, facts.cas, draft.signing.standing) : []),
      ...(steps.length > 0 ? [...facts.others.unasked, ...unaskedWarnings(facts.others.trust)] : []),
      ...lineWarnings(draft),
      ...(steps.length > 0 ? replicationWarnings(draft) : []),
      ...takenPortWarnings(facts.paths, draft.servers),
      ...unreplicatedWarning(facts.remote, restarts.remote),
      ...unreplicatedWarning(facts.local, restarts.local),
    ],
  };
};
