import type { ForeignConnectRequest } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { aliasSettings, aliasWarnings } from '../connection/alias.ts';
import { inCluster } from '../connection/alias-place.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import {
  type AnyConnectionRecord,
  type ForeignConnectionRecord,
  isForeign,
  proofOf,
} from '../connection/connection-records.ts';
import { foundTrust, type LocalSide, localSideSteps, localStages } from '../connection/local-side.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import { withFound } from '../node/found-settings.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { bundleOf, caSteps, namedCas } from './cas.ts';
import type { ForeignConnectFacts } from './facts.ts';
import { refuse } from './refusals.ts';

const stages: readonly Stage[] = [{ id: 'prepare', title: 'Prepare', mode: 'serial' }, ...localStages];

/** Where the local nodes will first connect to. */
export const foreignAddresses = ({ mode, seeds = [], proxyAddress }: ForeignConnectRequest): string[] =>
  mode === 'sniff' ? seeds : [proxyAddress ?? ''];

const recordOf = (
  request: ForeignConnectRequest,
  cas: readonly string[],
  settings: LocalSide['settings'],
  standing: AnyConnectionRecord | undefined,
  local: ForeignConnectFacts['local'],
): ForeignConnectionRecord => {
  const { alias, mode, name, clusterUuid, key } = request;
  return {
    ...{ local: local.name, alias, auth: 'api_key', mode, foreign: { name, clusterUuid: clusterUuid ?? null }, cas },
    keySecret: key.secret,
    key: { id: key.id, name: key.name ?? null, expiresAt: key.expiresAt ?? null },
    settings: [...new Set([...(standing?.settings ?? []), ...Object.keys(settings)])].sort(),
    ...withFound(standing?.found, cas.length === 0 ? new Map() : foundTrust(local, inCluster)),
  };
};

/** Filed first, so that everything that the run then makes is known to belong to a connection of ours. */
const recordSteps = (
  record: ForeignConnectionRecord,
  standing: AnyConnectionRecord | undefined,
  proven: boolean | null,
): AnyStep[] =>
  JSON.stringify(standing) === JSON.stringify(record)
    ? []
    : [
        {
          ...{ id: 'record-connection', kind: 'connection.record', target: 'coordinator', effect: 'none' },
          reason: standing === undefined ? 'the connection is new' : 'the connection is wanted with other values',
          ...{ diff: connectionDiff(standing, record), stage: 'prepare' },
          input: { connection: record, ...(standing === undefined ? {} : { worked: proven === true }) },
        },
      ];

const keyWarnings = (record: ForeignConnectionRecord, standing: AnyConnectionRecord | undefined): string[] =>
  standing === undefined || !isForeign(standing) || standing.key.id === record.key.id
    ? []
    : [
        `The key before (${standing.key.name ?? standing.key.id}) is not invalidated: only those who run ${record.foreign.name} can do that. Have them do so once this is done.`,
      ];

const knownWarnings = ({ name }: ForeignConnectRequest, { local, knownAs }: ForeignConnectFacts): string[] =>
  knownAs === null
    ? []
    : [
        `By its id ${name} is the cluster ${knownAs}, which is managed here: \`remora connect ${local.name} ${knownAs}\` would manage both sides, and replace the key by itself.`,
      ];

/**
 * Plans the local half of a connection by API key whose remote cluster others run, from the facts alone. Throws a RemoraError with all findings when it cannot be
 * done; a plan without steps means that everything is in place and proven.
 */
export const planForeignConnect = (
  request: ForeignConnectRequest,
  facts: ForeignConnectFacts,
  context: PlanContext,
): StoredPlan => {
  refuse({ request, facts, now: context.now });
  const { local, connections, proven, secretVersions } = facts;
  const { alias, mode, name } = request;
  const isThis = (one: AnyConnectionRecord): boolean => one.local === local.name && one.alias === alias;
  const standing = connections.find(isThis);
  const cas = namedCas(facts, request);
  const settings = aliasSettings(foreignAddresses(request), request);
  const record = recordOf(
    request,
    cas.map((one) => one.name),
    settings,
    standing,
    local,
  );
  const others = connections.filter((one) => one.local === local.name && !isThis(one));
  const side: LocalSide = {
    ...{ local, alias, place: inCluster, mode, settings, ownSettings: record.settings, found: record.found },
    ...{ keySecret: record.keySecret, secretVersions },
    ...{ bundle: bundleOf(cas, others, facts.cas, context.hash), proof: proofOf(record), proven },
  };
  const first = [...caSteps(cas), ...recordSteps(record, standing, proven)];
  const steps = inStageOrder(stages, [...first, ...localSideSteps(side, first.length > 0)]);
  const restarts = steps.filter(({ stage }) => stage === 'local-roll').map(({ target }) => target);
  return {
    ...{ planId: context.planId, hash: context.hash(JSON.stringify(steps, withoutBaseline)) },
    ...{ workflow: 'connect-foreign', wanted: request, createdAt: context.now, clusters: [local.name] },
    title: `Connect ${local.name} to ${name}, which others run, as "${alias}"`,
    stages: usedStages(stages, steps),
    ...{ steps, restarts, outages: outagesOf(local, restarts) },
    warnings: [
      ...knownWarnings(request, facts),
      ...keyWarnings(record, standing),
      ...(steps.some(({ id }) => id === 'register-alias') ? aliasWarnings(side) : []),
      ...unreplicatedWarning(local, restarts),
    ],
  };
};
