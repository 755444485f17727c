import type { CertificateConnectRequest } from '@remora/shared/model/requests/certificate-connect-request.ts';
import { MAX_ADDRESSES } from '../connect/wanted.ts';
import { type AliasWish, aliasSettings, aliasStep, aliasWarnings } from '../connection/alias.ts';
import { precedenceWarnings } from '../connection/alias-in-files.ts';
import { inCluster } from '../connection/alias-place.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import type { CertificateConnectionRecord } from '../connection/connection-records.ts';
import { publishedAddress } from '../connection/published-address.ts';
import { type PlanContext, withoutTrust } from '../context.ts';
import { withFound } from '../node/found-settings.ts';
import { changeOf } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { byName, rollOrder } from '../order.ts';
import type { SentAuthority } from '../place/facts.ts';
import { isData, outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { inStageOrder, usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import type { CertificateConnectFacts, TransportFacts } from './facts.ts';
import { refuse } from './refusals.ts';
import { anchorsOf, foundOnNode, isHeldElsewhere, wantedAnchors } from './trust.ts';

/** Each side trusts the other before anything connects. */
const stages: readonly Stage[] = [
  { id: 'prepare', title: 'Prepare', mode: 'serial' },
  { id: 'remote-files', title: 'Place the CA of the local cluster on the remote one', mode: 'parallel' },
  { id: 'remote-roll', title: 'Roll the remote cluster', mode: 'roll' },
  { id: 'local-files', title: 'Place the CA of the remote cluster on the local one', mode: 'parallel' },
  { id: 'local-roll', title: 'Roll the local cluster', mode: 'roll' },
  { id: 'connect', title: 'Register and prove', mode: 'serial' },
];

/** What is true of every connection by certificate, for those who are about to make one. */
const deprecation = (local: string, remote: string): string[] => [
  'Connections by certificate are deprecated since Elasticsearch 9.0 and will be removed: `remora migrate` brings one to API keys.',
  `All nodes of ${local} and ${remote} become one security domain: no key limits what may be read, so a superuser of ${local} may read everything on ${remote}.`,
];

/** Where local nodes first connect to: the transport ports of the remote nodes, where nothing else is given. Dedicated masters come last. */
export const transportTargets = (
  { cluster, addresses }: Pick<TransportFacts, 'cluster' | 'addresses'>,
  { seeds, proxyAddress }: Pick<CertificateConnectRequest, 'seeds' | 'proxyAddress'>,
): string[] => {
  if (proxyAddress !== undefined) return [proxyAddress];
  if (seeds !== undefined) return [...seeds];
  return [...cluster.nodes]
    .sort(byName)
    .sort((a, b) => Number(isData(b)) - Number(isData(a)))
    .flatMap(({ name }) => addresses.get(name) ?? [])
    .map(publishedAddress)
    .slice(0, MAX_ADDRESSES);
};

/** A cluster, the CAs that it shall trust, and where its steps stand. */
interface Side {
  readonly facts: TransportFacts;
  readonly authorities: readonly SentAuthority[];
  readonly stages: { readonly roll: string; readonly files: string };
}

const sidesOf = ({ local, remote }: CertificateConnectFacts): readonly [remote: Side, local: Side] => [
  { facts: remote, authorities: anchorsOf(local), stages: { roll: 'remote-roll', files: 'remote-files' } },
  { facts: local, authorities: anchorsOf(remote), stages: { roll: 'local-roll', files: 'local-files' } },
];

const trustSteps = (side: Side, { secretVersions }: CertificateConnectFacts): AnyStep[] => {
  const { cluster } = side.facts;
  return rollOrder(cluster.nodes).flatMap((node): AnyStep[] => {
    const wanted = wantedAnchors(side.facts, node, side.authorities);
    if (wanted === null || node.agent.state !== 'online') return [];
    const keystorePassword = keystorePasswordReference({ secretVersions }, cluster.name, node.name);
    const change = changeOf(node, node.agent.facts, { ...wanted, keystorePassword });
    if (change === null) return [];
    const effect = change.restart ? 'restart' : 'file';
    return [nodeStep({ cluster, node, change, effect, stages: side.stages, prefix: 'trust' })];
  });
};

/** Fingerprints of CAs that at least one node of the cluster is given for this connection. */
const givenTo = ({ facts, authorities }: Side): string[] =>
  authorities
    .filter((one) => facts.cluster.nodes.some((node) => !isHeldElsewhere(facts, node, one)))
    .map((one) => one.facts.fingerprint256);

const union = (a: readonly string[] = [], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort();

const settingsOf = (request: CertificateConnectRequest, { remote }: CertificateConnectFacts) =>
  aliasSettings(transportTargets(remote, request), request);

const recordOf = (request: CertificateConnectRequest, facts: CertificateConnectFacts): CertificateConnectionRecord => {
  const { local, remote, alias, mode } = request;
  const standing = standingRecord(request, facts);
  const sides = sidesOf(facts);
  const [onRemote, onLocal] = sides;
  const found = new Map(
    sides.flatMap((side) =>
      side.facts.cluster.nodes.map((node) => [
        nodeKey({ cluster: side.facts.cluster.name, node: node.name }),
        foundOnNode(node, wantedAnchors(side.facts, node, side.authorities)),
      ]),
    ),
  );
  return {
    ...{ local, remote, alias, auth: 'certificate', mode },
    trusts: {
      local: union(standing?.trusts.local, givenTo(onLocal)),
      remote: union(standing?.trusts.remote, givenTo(onRemote)),
    },
    settings: union(standing?.settings, Object.keys(settingsOf(request, facts))),
    ...withFound(standing?.found, found),
  };
};

const standingRecord = (
  { local, alias }: CertificateConnectRequest,
  { connections }: CertificateConnectFacts,
): CertificateConnectionRecord | undefined =>
  connections.find(
    (one): one is CertificateConnectionRecord =>
      one.auth === 'certificate' && one.local === local && one.alias === alias,
  );

const recordStep = (
  standing: CertificateConnectionRecord | undefined,
  record: CertificateConnectionRecord,
): AnyStep[] =>
  JSON.stringify(standing) === JSON.stringify(record)
    ? []
    : [
        {
          ...{ id: 'record-connection', kind: 'connection.record', target: 'coordinator', effect: 'none' },
          reason: standing === undefined ? 'the connection is new' : 'the connection is wanted with other values',
          ...{ diff: connectionDiff(standing, record), stage: 'prepare', input: { connection: record } },
        },
      ];

/** The alias as it shall be. */
const aliasOf = (
  request: CertificateConnectRequest,
  facts: CertificateConnectFacts,
  record: CertificateConnectionRecord,
): AliasWish => ({
  ...{ local: facts.local.cluster, alias: request.alias, place: inCluster, mode: request.mode },
  ...{ settings: settingsOf(request, facts), ownSettings: record.settings },
});

const stepsOf = (
  request: CertificateConnectRequest,
  facts: CertificateConnectFacts,
  record: CertificateConnectionRecord,
  wish: AliasWish,
): AnyStep[] => {
  const { local, remote, alias } = request;
  const steps = [
    ...recordStep(standingRecord(request, facts), record),
    ...sidesOf(facts).flatMap((side) => trustSteps(side, facts)),
    ...aliasStep(wish),
  ];
  if (steps.length === 0 && facts.proven === true) return [];
  return [
    ...steps,
    {
      ...{ id: 'prove-connection', kind: 'connection.prove', target: local, effect: 'none', diff: '' },
      ...{ reason: 'success is proven by a real request from every connecting node', stage: 'connect' },
      input: { local, remote, alias, keySecret: null },
    },
  ];
};

/**
 * Plans a connection by certificate: every node of each cluster trusts the CA of the other one's transport ports, then the alias leads to those. Nothing of trust is to
 * do where both have one CA. Throws a RemoraError with all findings when it cannot be done; a plan without steps means that everything is in place and proven.
 */
export const planCertificateConnect = (
  request: CertificateConnectRequest,
  facts: CertificateConnectFacts,
  context: PlanContext,
): StoredPlan => {
  refuse(request, facts);
  const record = recordOf(request, facts);
  const wish = aliasOf(request, facts, record);
  const steps = inStageOrder(stages, stepsOf(request, facts, record, wish));
  const restartsIn = (stage: string): string[] =>
    steps.filter((step) => step.stage === stage).map(({ target }) => target);
  const rolled = [
    { cluster: facts.remote.cluster, restarts: restartsIn('remote-roll') },
    { cluster: facts.local.cluster, restarts: restartsIn('local-roll') },
  ];
  const { local, remote, alias } = request;
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutTrust)),
    workflow: 'connect-certificate',
    wanted: request,
    title: `Connect ${local} to ${remote} as "${alias}" by certificate`,
    createdAt: context.now,
    clusters: [local, remote],
    stages: usedStages(stages, steps),
    steps,
    restarts: rolled.flatMap(({ restarts }) => restarts),
    outages: rolled.flatMap(({ cluster, restarts }) => outagesOf(cluster, restarts)),
    warnings: [
      ...(steps.length > 0 ? deprecation(local, remote) : []),
      ...(steps.some(({ id }) => id === 'register-alias') ? aliasWarnings(wish) : []),
      ...precedenceWarnings(facts.local.cluster, alias, wish.settings),
      ...rolled.flatMap(({ cluster, restarts }) => unreplicatedWarning(cluster, restarts)),
    ],
  };
};
