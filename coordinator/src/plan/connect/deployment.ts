import { PUBLIC_CA } from '@remora/shared/model/requests/connect-request.ts';
import type { DeploymentSeen } from '../cloud-deployment/facts.ts';
import { deploymentKeyStep, deploymentTrustSteps, hasKey } from '../cloud-deployment/local-side.ts';
import { type AliasWish, aliasStep } from '../connection/alias.ts';
import { proofOf } from '../connection/connection-records.ts';
import type { AnyStep, Stage } from '../steps.ts';
import { withComing } from '../trust/ca-names.ts';
import type { ConnectDraft } from './draft.ts';

/** What is served is trusted before the key has the deployment connect there. */
export const deploymentStages = [
  { id: 'cloud-trust', title: 'Have the deployment trust the remote cluster', mode: 'serial' },
  { id: 'cloud-key', title: 'Put the key into the keystore of the deployment', mode: 'serial' },
] as const satisfies readonly Stage[];

/** CAs of what stands where the deployment connects to. */
const trustedCas = ({ facts, request, ca }: ConnectDraft): string[] =>
  request.proxyCa === PUBLIC_CA ? [] : withComing(facts.cas, [request.proxyCa ?? ca]);

/**
 * The same on a deployment as on the nodes of other local clusters: its cloud has it trust the remote cluster and puts the key into its keystore, its Elasticsearch has the
 * alias and the proof. `others`: whether anything else is done, after which the connection is proven.
 */
export const deploymentSideSteps = (
  draft: ConnectDraft,
  { deployment, alias }: { readonly deployment: DeploymentSeen; readonly alias: AliasWish },
  others: boolean,
): AnyStep[] => {
  const { facts, record } = draft;
  const trust = deploymentTrustSteps({
    ...{ deployment, alias: alias.alias, names: trustedCas(draft), cas: facts.cas, stage: 'cloud-trust' },
  });
  const registered = aliasStep(alias);
  const isThere = hasKey(deployment, alias.alias, record.keySecret);
  const anything = others || trust.length > 0 || registered.length > 0;
  // With everything in place and no proof, writing it once more has the nodes load it: the one thing left that may help.
  const isWritten = isThere && (anything || facts.proven !== false);
  const key = deploymentKeyStep(deployment, alias.alias, {
    ...{ id: 'put-key', secret: record.keySecret, stage: 'cloud-key' },
    reason: isThere
      ? 'the connection is not proven although everything is in place'
      : 'the keystore has no such key, another, or one that it does not tell',
  });
  const steps = [...trust, ...(isWritten ? [] : [key]), ...registered];
  if (!others && steps.length === 0 && facts.proven === true) return [];
  return [
    ...steps,
    {
      ...{ id: 'prove-connection', kind: 'connection.prove', target: alias.local.name, effect: 'none', diff: '' },
      reason: 'success is proven by a real request, which Elastic Cloud hands to a node of its choice',
      ...{ stage: 'connect', input: proofOf(record) },
    },
  ];
};
