import { RemoraError } from '@remora/shared/errors.ts';
import type { CloudChangeRequest, WantedTrust } from '@remora/shared/model/clouds/cloud-change.ts';
import { isAtLeast } from '@remora/shared/model/values/version.ts';
import type { PlanContext } from '../context.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { keptVersion } from '../node/secret-versions.ts';
import { usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { type DirectRelationship, sameRelationship } from '../trust/cloud-trust.ts';
import type { CloudDeploymentFacts } from './facts.ts';
import { deploymentLock, trustChangeWarnings, trustName } from './local-side.ts';

/** What is served is trusted before a key has anybody connect there; and a key goes before the trust that it needs. */
const stages: readonly Stage[] = [
  { id: 'trust', title: 'Change whom the deployment trusts', mode: 'serial' },
  { id: 'key', title: 'Change the keys in its keystore', mode: 'serial' },
];

const pemOf = (name: string, { cas }: CloudDeploymentFacts, now: string): string => {
  const ca = cas.find((one) => one.name === name);
  if (ca === undefined)
    throw new RemoraError(
      'bad-input',
      `There is no CA "${name}": import it with \`remora ca import\`, without its key.`,
    );
  if (ca.facts.notAfter <= now)
    throw new RemoraError(
      'conflict',
      `CA ${name} ended at ${ca.facts.notAfter}: nobody would be trusted by it. Give another with --ca.`,
    );
  return ca.certificatePem;
};

const relationshipOf = (name: string, wanted: WantedTrust, pem: string): DirectRelationship => {
  const { scope, clusters, nodes } = wanted;
  const base = { name, certificates: [{ pem }] };
  if (scope === undefined && nodes === undefined) return { ...base, type: 'proxy', trust_all: false };
  return {
    ...{ ...base, type: 'generic', trust_all: scope !== undefined && clusters === undefined },
    ...(scope === undefined ? {} : { scope_id: scope }),
    ...(clusters === undefined ? {} : { trust_allowlist: clusters }),
    ...(nodes === undefined ? {} : { additional_node_names: nodes }),
  };
};

/** Whom it lets in, in words. */
const trusted = ({
  type,
  scope_id,
  trust_allowlist: clusters = [],
  additional_node_names: nodes = [],
}: DirectRelationship): string => {
  if (type === 'proxy') return 'what stands before clusters that take API keys';
  const all = `all clusters of scope ${scope_id}`;
  const some = `clusters ${clusters.join(', ')} of scope ${scope_id}`;
  const ofScope = scope_id === undefined ? [] : [clusters.length === 0 ? all : some];
  return [...ofScope, ...(nodes.length === 0 ? [] : [`nodes ${nodes.join(', ')}`])].join(' and ');
};

/** The CAs in it, by their names in the inventory. */
const casIn = ({ certificates }: DirectRelationship, { cas }: CloudDeploymentFacts): string => {
  const nameOf = ({ pem }: { readonly pem: string }): string =>
    cas.find(({ certificatePem }) => certificatePem.trim() === pem.trim())?.name ?? 'one that is not in the inventory';
  return certificates.map(nameOf).join(', ');
};

const diffOf = (sign: '-' | '+', one: DirectRelationship, facts: CloudDeploymentFacts): string[] => [
  `${sign} trust ${one.name}: ${trusted(one)}, by CA ${casIn(one, facts)}`,
];

const trustSteps = (request: CloudChangeRequest, facts: CloudDeploymentFacts, now: string): AnyStep[] => {
  const { cloud, deployment, trust } = request;
  if (trust === undefined) return [];
  const { name, wanted } = trust;
  const [standing, another] = facts.direct.filter((one) => one.name === name);
  if (another !== undefined)
    throw new RemoraError(
      'conflict',
      `Deployment ${facts.name} has more than one trust called "${name}": which is meant is not known. Give them names of their own in the console of Elastic Cloud first.`,
    );
  const relationship = wanted === null ? null : relationshipOf(name, wanted, pemOf(wanted.ca, facts, now));
  const isThere = relationship === null ? standing === undefined : standing && sameRelationship(standing, relationship);
  if (isThere) return [];
  return [
    {
      ...{ id: `trust-${name}`, kind: 'cloud.trust', target: facts.name, effect: 'api', stage: 'trust' },
      reason: relationship === null ? 'it was asked to be trusted no more' : 'it is not trusted, or in another way',
      diff: [
        ...(standing ? diffOf('-', standing, facts) : []),
        ...(relationship ? diffOf('+', relationship, facts) : []),
      ].join('\n'),
      input: { cloud, deployment, name, relationship },
    },
  ];
};

const secretOf = (name: string, { secretVersions }: CloudDeploymentFacts): string => {
  const version = keptVersion(secretVersions, name);
  if (version !== null) return `secret:${name}@${version}`;
  throw new RemoraError('bad-input', `There is no secret "${name}".`, {
    hint: `Store the encoded key with \`remora secrets set ${name} --file FILE\`.`,
  });
};

const keySteps = ({ cloud, deployment, key }: CloudChangeRequest, facts: CloudDeploymentFacts): AnyStep[] => {
  if (key === undefined) return [];
  const { alias } = key;
  const entry = credentialEntry(alias);
  const isThere = facts.entries.includes(entry);
  const secret = key.secret === null ? null : secretOf(key.secret, facts);
  if (secret === null ? !isThere : isThere && facts.written[alias] === secret) return [];
  return [
    {
      ...{ id: `key-${alias}`, kind: 'cloud.key', target: facts.name, effect: 'reload', stage: 'key' },
      reason:
        secret === null
          ? 'the key was asked to go'
          : 'the keystore has no such key, another, or one that it does not tell',
      diff: [
        ...(isThere ? [`- keystore ${entry} = ${facts.written[alias] ?? 'a value that Remora did not write'}`] : []),
        ...(secret === null ? [] : [`+ keystore ${entry} = ${secret}`]),
      ].join('\n'),
      input: { cloud, deployment, refId: facts.refId, alias, secret },
    },
  ];
};

const MINIMUM_VERSION = '8.14.0';

const keyWarnings = ({ name, version }: CloudDeploymentFacts): string[] =>
  version === null || isAtLeast(version, MINIMUM_VERSION)
    ? []
    : [
        `Deployment ${name} is ${version}: before 8.14 it takes the key only when it is restarted, and a connection by API keys needs 8.14 on both sides.`,
      ];

/** What a connection of this deployment stands on is better changed by what made it. */
const connectionWarnings = (
  { key, trust }: CloudChangeRequest,
  steps: readonly AnyStep[],
  { name, connections }: CloudDeploymentFacts,
): string[] =>
  connections.flatMap(({ local, alias }): string[] => {
    const is = (kind: AnyStep['kind']): boolean => steps.some((step) => step.kind === kind);
    const changed = [
      ...(key?.alias === alias && is('cloud.key') ? [`the key ${alias}`] : []),
      ...(trust?.name === trustName(alias) && is('cloud.trust') ? [`the trust ${trust.name}`] : []),
    ];
    return changed.map(
      (what) =>
        `The connection ${local}/${alias} lives on ${what} of deployment ${name}, and may stop working: \`remora api-keys rotate ${local} ${alias}\` gives it another key, \`remora disconnect ${local} ${alias}\` takes it apart, and the command that made it puts back what it needs.`,
    );
  });

/** The API tells what is to be trusted, and not whether that was carried out. */
const standingWarnings = ({ name, lastChangeFailed }: CloudDeploymentFacts): string[] =>
  lastChangeFailed
    ? [
        `Deployment ${name} shows the trust that was asked for, and its last change failed: whether that one was carried out is in its console, under its activity, where the plan can be applied again.`,
      ]
    : [];

const warningsOf = (request: CloudChangeRequest, steps: readonly AnyStep[], facts: CloudDeploymentFacts): string[] => [
  ...connectionWarnings(request, steps, facts),
  ...(steps.some(({ kind }) => kind === 'cloud.trust')
    ? trustChangeWarnings(facts)
    : request.trust === undefined
      ? []
      : standingWarnings(facts)),
  ...(steps.some(({ kind, input }) => kind === 'cloud.key' && 'secret' in input && input.secret !== null)
    ? keyWarnings(facts)
    : []),
];

/** Plans a change of a deployment in Elastic Cloud by the cloud's API. Throws what forbids it; a plan without steps means that it is so. */
export const planCloudChange = (
  request: CloudChangeRequest,
  facts: CloudDeploymentFacts,
  context: PlanContext,
): StoredPlan => {
  const steps = [...trustSteps(request, facts, context.now), ...keySteps(request, facts)];
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps)),
    ...{ workflow: 'cloud-deployment', wanted: request, createdAt: context.now },
    title: `Change deployment ${facts.name} of cloud ${request.cloud}`,
    clusters: [deploymentLock(facts)],
    stages: usedStages(stages, steps),
    steps,
    ...{ restarts: [], outages: [] },
    warnings: warningsOf(request, steps, facts),
  };
};
