import { asConnectRequest, type KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { isAtLeast } from '@remora/shared/model/values/version.ts';
import { keySentences } from '../../cloud-deployment/remote-side.ts';
import { type PlanContext, withoutTrust } from '../../context.ts';
import type { ConnectFacts } from '../../facts.ts';
import { handedMetadata, newHandedSecret, standingHandedKey } from '../../keys/handed-key.ts';
import { keyConfig, keyGrants } from '../../keys/key-names.ts';
import { type Finding, throwFindings } from '../../node/agent-findings.ts';
import { lacksPrivileges } from '../../roles/privileges.ts';
import { outagesOf, unreplicatedWarning } from '../../roll/outages.ts';
import { inStageOrder, usedStages } from '../../stage-order.ts';
import type { AnyStep, StoredPlan } from '../../steps.ts';
import { caNameOf } from '../../trust/ca-names.ts';
import { unaskedWarnings } from '../../trust/port-proof.ts';
import { remoteFindings } from '../preflight/preflight.ts';
import { queryWarnings } from '../queries.ts';
import { serverSetUp } from '../remote.ts';
import { remoteStages } from '../stages.ts';
import { accessOf, serverWishes } from '../wanted.ts';

const MINIMUM_VERSION = '8.14.0';

/** Whether every node serves remote clusters already, whoever turned that on: then nothing of it is touched. Elastic Cloud has all deployments do so. */
const isOn = ({ remote }: ConnectFacts): boolean =>
  remote.deployment !== undefined ||
  (remote.nodes.length > 0 && remote.nodes.every(({ remoteClusterServer }) => remoteClusterServer !== null));

const configHashOf = (request: KeyCreateRequest, { hash }: PlanContext): string =>
  hash(keyConfig(accessOf(asConnectRequest(request)), request.expires ?? null, request.metadata));

/** What forbids to change the key that they have. One that another takes the place of is for them to exchange, so nothing is done unasked. */
const standingFindings = (request: KeyCreateRequest, { keys }: ConnectFacts, context: PlanContext): Finding[] => {
  const standing = standingHandedKey(keys, request);
  if (standing === undefined) return [];
  const { record, otherOwner } = standing;
  return [
    ...(record.expiresAtMs !== null && request.expires === undefined
      ? [
          [
            'preflight-failed',
            `The key for ${request.for} (${record.name}) ends on ${new Date(record.expiresAtMs).toISOString()}, and Elasticsearch cannot take the end of a key away: give --expires with how long it shall live from now.`,
          ] as const,
        ]
      : []),
    ...(otherOwner !== undefined && record.configHash !== configHashOf(request, context)
      ? [
          [
            'conflict',
            `The key for ${request.for} (${record.name}) grants something else than is wanted, and belongs to user ${otherOwner} of cluster ${request.remote}, who alone may change it: make another under another name, have them use it, then revoke this one (\`remora api-keys revoke ${request.remote} --for ${request.for}\`).`,
          ] as const,
        ]
      : []),
  ];
};

const oldSentences = ({ name, version, nodes, deployment }: ConnectFacts['remote']): string[] => {
  if (deployment !== undefined)
    return isAtLeast(version, MINIMUM_VERSION)
      ? []
      : [`Deployment ${deployment.name} is ${version}: API keys between clusters need 8.14 or later.`];
  const old = nodes.find((node) => !isAtLeast(node.version, MINIMUM_VERSION));
  return old
    ? [
        `Node ${old.name} of cluster ${name} is ${old.version}: API keys between clusters need 8.14 or later on every node.`,
      ]
    : [];
};

const refuse = (request: KeyCreateRequest, facts: ConnectFacts, context: PlanContext): void => {
  const { remote, certificates } = facts;
  const on = isOn(facts);
  const wish = asConnectRequest(request);
  const lacks = lacksPrivileges(remote.name, remote.missingPrivileges);
  const foreign = on ? remote.nodes.filter(({ name }) => !certificates.some(({ node }) => node === name)) : [];
  const found: Finding[] = [
    ...[...oldSentences(remote), ...keySentences(request, remote)].map(
      (sentence): Finding => ['preflight-failed', sentence],
    ),
    ...(lacks === null ? [] : [['preflight-failed', lacks] as const]),
    ...standingFindings(request, facts, context),
    ...(foreign[0] && request.serverCa === undefined
      ? [
          [
            'bad-input',
            `Node ${foreign[0].name} of cluster ${remote.name} serves remote clusters with a certificate that Remora did not make, so that its CA is not on record here: give it with --server-ca FILE, or --server-ca public.`,
          ] as const,
        ]
      : []),
  ];
  const servers = serverWishes(remote, wish);
  throwFindings([
    ...found,
    ...remoteFindings({ facts, request: wish, servers, now: context.now }, on).map(
      ({ code, message }): Finding => [code, message],
    ),
  ]);
};

const keySteps = (request: KeyCreateRequest, facts: ConnectFacts, context: PlanContext): AnyStep[] => {
  const { keys, secretVersions } = facts;
  const access = accessOf(asConnectRequest(request));
  const expiration = request.expires ?? null;
  const configHash = configHashOf(request, context);
  const standing = standingHandedKey(keys, request);
  if (standing?.record.configHash === configHash) return [];
  const secret = standing?.record.secret ?? newHandedSecret(keys, secretVersions, request);
  const metadata = handedMetadata(request.metadata, request, configHash);
  const input = { cluster: request.remote, access, expiration, metadata, configHash, secret };
  const step = { target: request.remote, effect: 'api', stage: 'api-key' } as const;
  const grants = keyGrants(access, expiration);
  if (standing)
    return [
      {
        ...{ ...step, id: 'update-api-key', kind: 'api-key.update', input: { ...input, id: standing.record.id } },
        reason: 'the key grants something else than is wanted',
        diff: `~ key ${standing.record.name}: ${grants}\n  key's secret ${secret} (unchanged)`,
      },
    ];
  const name = `remora-for-${request.for}`;
  return [
    {
      ...{ ...step, id: 'create-api-key', kind: 'api-key.create', input: { ...input, name } },
      reason: `there is no usable key for ${request.for}`,
      diff: `+ key ${name}-…: ${grants}\n+ key's secret ${secret} (new)`,
    },
  ];
};

/** Flags for servers that are yet to be turned on. No refusal: the same command given again finds them on. */
const untouchedWarnings = ({ remote, ca, certValidity, sans, remoteHost, remotePort }: KeyCreateRequest): string[] => {
  const flags = Object.entries({
    ...{ '--ca': ca, '--cert-validity': certValidity, '--san': sans },
    ...{ '--remote-host': remoteHost, '--remote-port': remotePort },
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  return flags.length === 0
    ? []
    : [
        `The remote cluster server is on on every node of cluster ${remote}, and stays as it is: nothing is done for ${flags.join(', ')}.`,
      ];
};

/**
 * Plans the remote half of a connection whose local cluster others run: the remote cluster server as `connect` sets it up, where it is not on already, and a key.
 * `facts.local` is a cluster that is not seen. Throws a RemoraError with all findings.
 */
export const planKeyCreation = (request: KeyCreateRequest, facts: ConnectFacts, context: PlanContext): StoredPlan => {
  refuse(request, facts, context);
  const { remote } = facts;
  const wish = asConnectRequest(request);
  const draft = { request: wish, facts, context, servers: serverWishes(remote, wish), ca: caNameOf(facts, wish) };
  const server = isOn(facts) ? [] : serverSetUp(draft);
  const key = keySteps(request, facts, context);
  const steps = inStageOrder(remoteStages, [...server, ...key]);
  const restarts = steps.filter(({ stage }) => stage === 'remote-roll').map(({ target }) => target);
  return {
    ...{ planId: context.planId, hash: context.hash(JSON.stringify(steps, withoutTrust)), workflow: 'create-key' },
    ...{ wanted: request, createdAt: context.now, clusters: [remote.name] },
    title: `Make an API key of ${remote.name} for ${request.for}`,
    stages: usedStages(remoteStages, steps),
    ...{ steps, restarts, outages: outagesOf(remote, restarts) },
    warnings: [
      ...(isOn(facts) ? untouchedWarnings(request) : []),
      ...(key.length > 0 ? queryWarnings(accessOf(wish)) : []),
      ...(server.length > 0 ? [...facts.others.unasked, ...unaskedWarnings(facts.others.trust)] : []),
      ...unreplicatedWarning(remote, restarts),
    ],
  };
};
