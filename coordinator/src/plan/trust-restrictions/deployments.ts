import { cloudDeploymentName } from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { BUNDLE, foundOnNode, isConfigured, isHeldElsewhere, wantedAnchors } from '../connect-certificate/trust.ts';
import type { NodeObservation } from '../facts.ts';
import { type FoundByNode, withFound } from '../node/found-settings.ts';
import { isSamePath } from '../node/loaded.ts';
import type { WantedNode } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import type { SentAuthority } from '../place/facts.ts';
import type { AnyStep } from '../steps.ts';
import { type DeploymentTrustRecord, deploymentTrustId, type KnownAuthority } from '../trust/deployment-trust.ts';
import { transportAuthorities } from '../trust/port-proof.ts';
import type { DeploymentAuthority, RestrictingFacts } from './facts.ts';

const distinct = <T extends KnownAuthority>(authorities: readonly T[]): T[] =>
  [...new Map(authorities.map((one) => [one.fingerprint256, one])).values()].sort((a, b) =>
    a.fingerprint256.localeCompare(b.fingerprint256),
  );

/** The CAs of a deployment that have not ended. */
export const livingAuthorities = ({ authorities }: DeploymentAuthority, now: string): SentAuthority[] =>
  authorities.filter(({ facts }) => facts.notAfter > now);

/** What a node needs so that it trusts the CAs of the deployments that are asked for, beside all that it trusts; null where it needs nothing. */
export const wantedAuthorities = (
  { transport, deployments }: RestrictingFacts,
  node: NodeObservation,
  now: string,
): Omit<WantedNode, 'keystorePassword'> | null =>
  deployments.length === 0
    ? null
    : wantedAnchors(
        transport,
        node,
        deployments.flatMap((one) => livingAuthorities(one, now)),
      );

/** Whether the running process may read Remora's file of other clusters' CAs, so that a CA in it would count before the node is restarted. */
export const readsBundle = (node: NodeObservation): boolean =>
  isConfigured(node) || (node.loadedCertificates ?? []).some((path) => isSamePath(path, BUNDLE, node));

const known = ({ facts }: SentAuthority): KnownAuthority => {
  const { subject, issuer, serial, notAfter, fingerprint256 } = facts;
  return { subject, issuer, serial, notAfter, fingerprint256 };
};

const recordOf = (
  { cloud, deployment, pattern, ...its }: DeploymentAuthority,
  standing: DeploymentTrustRecord | undefined,
  { cluster, found, now }: { readonly cluster: string; readonly found: FoundByNode; readonly now: string },
): DeploymentTrustRecord => ({
  ...{ cluster, cloud, deployment, pattern },
  authorities: distinct([
    ...(standing?.authorities ?? []),
    ...livingAuthorities({ cloud, deployment, pattern, ...its }, now).map(known),
  ]),
  ...withFound(standing?.found, found),
});

/** For people: a record as it becomes. */
const recordDiff = (standing: DeploymentTrustRecord | undefined, wanted: DeploymentTrustRecord): string => {
  const isNew = ({ fingerprint256 }: KnownAuthority): boolean =>
    !standing?.authorities.some((one) => one.fingerprint256 === fingerprint256);
  return [
    `${standing ? '~' : '+'} cluster ${wanted.cluster} trusts deployment ${cloudDeploymentName(wanted)}`,
    ...(standing && standing.pattern !== wanted.pattern ? [`-   named ${standing.pattern}`] : []),
    ...(standing?.pattern === wanted.pattern ? [] : [`+   named ${wanted.pattern}`]),
    ...wanted.authorities
      .filter(isNew)
      .map(({ subject, fingerprint256 }) => `+   by CA ${subject}, SHA-256 ${fingerprint256}`),
  ].join('\n');
};

/** The step that files a record. */
const fileStep = (
  standing: DeploymentTrustRecord | undefined,
  wanted: DeploymentTrustRecord,
  { stage, reason }: Pick<AnyStep, 'stage' | 'reason'>,
): AnyStep => {
  const { cloud, deployment } = wanted;
  return {
    ...{ id: `record-${cloud}.${deployment}`, kind: 'deployment-trust.record', target: 'coordinator', effect: 'none' },
    ...{ reason, diff: recordDiff(standing, wanted), stage },
    input: { id: deploymentTrustId(wanted), trust: wanted },
  };
};

/** Before anything is trusted it is on record, so that a run which dies half-way leaves nothing that nobody knows of. */
export const recordSteps = (facts: RestrictingFacts, stage: string, now: string): AnyStep[] => {
  const { cluster, deployments, trusted } = facts;
  const found = new Map(
    cluster.nodes.map((node) => [
      nodeKey({ cluster: cluster.name, node: node.name }),
      foundOnNode(node, wantedAuthorities(facts, node, now)),
    ]),
  );
  return deployments.flatMap((one, index) => {
    const id = deploymentTrustId({ ...one, cluster: cluster.name });
    const standing = trusted.find((record) => deploymentTrustId(record) === id);
    // What stood there before is kept once: with the record that goes it goes over to another one.
    const since: FoundByNode = index === 0 ? found : new Map();
    const wanted = recordOf(one, standing, { cluster: cluster.name, found: since, now });
    if (JSON.stringify(standing) === JSON.stringify(wanted)) return [];
    const reason = standing ? 'the deployment has other CAs, or names' : 'the deployment is trusted anew';
    return [fileStep(standing, wanted, { stage, reason })];
  });
};

/** That the process of a node has loaded the CAs that it was given. */
export const loadedSteps = (facts: RestrictingFacts, node: NodeObservation, stage: string, now: string): AnyStep[] => {
  const { cluster, deployments, transport } = facts;
  const given = deployments
    .flatMap((one) => livingAuthorities(one, now))
    .filter((one) => !isHeldElsewhere(transport, node, one));
  return distinct(given.map((one) => one.facts)).map((ca, index) => ({
    ...{ id: `loaded-${cluster.name}.${node.name},${index + 1}`, kind: 'peer-trust.verify' as const },
    ...{ target: node.name, effect: 'none' as const, diff: '', stage },
    reason: 'Elasticsearch must have loaded the CA of the deployment',
    input: { cluster: cluster.name, node: node.name, paths: [BUNDLE], ca },
  }));
};

/** CAs of a deployment that a node trusts by something else than the file that Remora writes, with where that is. */
export const heldByOthers = (
  { authorities }: Pick<DeploymentTrustRecord, 'authorities'>,
  node: NodeObservation,
  { transport }: Pick<RestrictingFacts, 'transport'>,
): { readonly subject: string; readonly where: string }[] => {
  const named = transportAuthorities(node).filter((path) => path !== BUNDLE);
  return authorities
    .filter((facts) => isHeldElsewhere(transport, node, { facts }))
    .map(({ subject }) => ({ subject, where: named.join(', ') || 'its truststore' }));
};
