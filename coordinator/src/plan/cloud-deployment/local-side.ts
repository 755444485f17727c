import { credentialEntry } from '../keys/key-names.ts';
import type { CaRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { sameRelationship } from '../trust/cloud-trust.ts';
import type { DeploymentSeen } from './facts.ts';

const TRUST_PREFIX = 'remora-';

/** How the trust is called that a connection of a deployment needs. */
export const trustName = (alias: string): string => `${TRUST_PREFIX}${alias}`;

/** One change at a time, by whatever name the deployment is meant. No name of a cluster has a slash. */
export const deploymentLock = ({ cloud, id }: Pick<DeploymentSeen, 'cloud' | 'id'>): string => `${cloud}/${id}`;

interface TrustWish {
  readonly deployment: DeploymentSeen;
  readonly alias: string;
  /** CAs of what it connects to: none where everybody trusts it. */
  readonly names: readonly string[];
  readonly cas: readonly CaRecord[];
  readonly stage: string;
}

const relationshipOf = (alias: string, pems: readonly string[]) => ({
  ...{ name: trustName(alias), type: 'proxy', trust_all: false },
  certificates: pems.map((pem) => ({ pem })),
});

/** Whether a deployment trusts all of these CAs (PEM) of what stands before clusters that take API keys, in one relationship, whoever made that. */
export const isTrustedBy = ({ direct }: Pick<DeploymentSeen, 'direct'>, pems: readonly string[]): boolean =>
  direct.some(
    ({ type, certificates }) =>
      type === 'proxy' && pems.every((pem) => certificates.some((one) => one.pem.trim() === pem.trim())),
  );

/** Relationships that people made. Those of other connections go with these, so that none lives on one of another's. */
const madeByPeople = ({ direct }: DeploymentSeen): Pick<DeploymentSeen, 'direct'> => ({
  direct: direct.filter(({ name }) => !name.startsWith(TRUST_PREFIX)),
});

/** Has a deployment trust what it connects to, by CAs that may be yet to be made, and by no other. */
export const deploymentTrustSteps = ({ deployment, alias, names, cas, stage }: TrustWish): AnyStep[] => {
  if (names.length === 0) return trustRemovalSteps({ deployment, alias, stage });
  const { cloud, id, direct } = deployment;
  const standing = direct.find(({ name }) => name === trustName(alias));
  const pems = names.flatMap((name) => cas.find((ca) => ca.name === name)?.certificatePem ?? []);
  const isKnown = pems.length === names.length;
  if (isKnown && standing && sameRelationship(standing, relationshipOf(alias, pems))) return [];
  if (isKnown && !standing && isTrustedBy(madeByPeople(deployment), pems)) return [];
  const what = 'what stands before clusters that take API keys';
  return [
    {
      ...{ id: 'trust-remote', kind: 'cloud.trust', target: deployment.name, effect: 'api', stage },
      reason: 'what it connects to has a certificate of a CA that it does not trust',
      diff: [
        ...(standing ? [`- trust ${standing.name}: ${standing.certificates.length} CA(s)`] : []),
        `+ trust ${trustName(alias)}: ${what}, by CA ${names.join(', ')}`,
      ].join('\n'),
      input: {
        ...{ cloud, deployment: id, name: trustName(alias), relationship: relationshipOf(alias, []) },
        cas: names,
      },
    },
  ];
};

/** Takes the trust of a connection off a deployment; nothing where there is none, or people made it under another name. */
export const trustRemovalSteps = ({
  deployment,
  alias,
  stage,
}: Pick<TrustWish, 'deployment' | 'alias' | 'stage'>): AnyStep[] => {
  const { cloud, id, direct } = deployment;
  const name = trustName(alias);
  if (!direct.some((one) => one.name === name)) return [];
  return [
    {
      ...{ id: 'trust-remote', kind: 'cloud.trust', target: deployment.name, effect: 'api', stage },
      ...{ reason: 'nothing that it connects to needs it', diff: `- trust ${name}` },
      input: { cloud, deployment: id, name, relationship: null },
    },
  ];
};

/** Whether the keystore has the key, as far as can be known: it tells no values. */
export const hasKey = ({ entries, written }: DeploymentSeen, alias: string, secret: string): boolean =>
  entries.includes(credentialEntry(alias)) && written[alias] === secret;

const whatStands = ({ written }: DeploymentSeen, alias: string): string =>
  written[alias] ?? 'a value that is not on record';

/** Puts the key of a connection into the keystore of a deployment, or takes it out (null). */
export const deploymentKeyStep = (
  deployment: DeploymentSeen,
  alias: string,
  { secret, stage, id, reason }: Pick<AnyStep, 'stage' | 'id' | 'reason'> & { readonly secret: string | null },
): AnyStep => {
  const entry = credentialEntry(alias);
  return {
    ...{ id, kind: 'cloud.key', target: deployment.name, effect: 'reload', stage, reason },
    diff: [
      ...(deployment.entries.includes(entry) ? [`- keystore ${entry} = ${whatStands(deployment, alias)}`] : []),
      ...(secret === null ? [] : [`+ keystore ${entry} = ${secret}`]),
    ].join('\n'),
    input: { cloud: deployment.cloud, deployment: deployment.id, refId: deployment.refId, alias, secret },
  };
};

/** What a person should know before whom it trusts is changed. */
export const trustChangeWarnings = ({
  name,
  isChanging,
  lastChangeFailed,
}: Pick<DeploymentSeen, 'name' | 'isChanging' | 'lastChangeFailed'>): string[] => [
  `Elastic Cloud carries a change of deployment ${name} out as a plan of its own, and says itself what that takes.`,
  ...(isChanging ? [`Another change of deployment ${name} is being carried out: this one waits for it.`] : []),
  ...(lastChangeFailed
    ? [`The last change of deployment ${name} failed: its console has why. This one starts from what was there before.`]
    : []),
];
