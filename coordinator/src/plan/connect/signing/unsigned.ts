import { rollOrder } from '../../order.ts';
import type { SigningCertificateRecord } from '../../records.ts';
import { signerId, signSettings, withoutThem } from '../../signing/signing-names.ts';
import { signerOff, trustOff } from '../../signing/signing-off.ts';
import { signingSettingsStep } from '../../signing/signing-settings.ts';
import type { AnyStep } from '../../steps.ts';
import type { ConnectDraft } from '../draft.ts';
import { crossingOf } from './signing.ts';

/** The demand goes first, also of a key that demands what was never there: then nothing need be signed. */
export const demandOffStage = { id: 'demand-off', title: 'Demand no signature', mode: 'serial' } as const;

/** Before the connection is proven, which shows that it works without. */
export const signOffStage = { id: 'sign-off', title: 'Sign no more', mode: 'serial' } as const;

/** What is on record goes last: until then all that is left is known to be ours. */
export const unsignedStages = [
  { id: 'signers-off', title: 'Remove signing certificates from the local cluster', mode: 'parallel' },
  { id: 'signers-reload', title: 'Reload secure settings without their passwords', mode: 'parallel' },
  { id: 'trust-off', title: 'Take no more signatures', mode: 'serial' },
  { id: 'trust-files-off', title: 'Remove the signing CA from the remote cluster', mode: 'parallel' },
  { id: 'unsigned', title: 'Forget signing certificates', mode: 'serial' },
] as const;

const demandOff = (draft: ConnectDraft): AnyStep[] => {
  const { key } = draft.signing;
  const cluster = draft.facts.remote.name;
  if (key?.certificateIdentity === undefined) return [];
  const { id, name, secret } = key.record;
  return [
    {
      ...{ id: 'demand-no-signature', kind: 'api-key.identify', target: cluster, effect: 'api', stage: 'demand-off' },
      reason: 'requests are not to be signed any more',
      diff: `- key ${name}: certificate_identity ${key.certificateIdentity}`,
      input: { cluster, id, secret, identity: null, crossing: crossingOf(draft) },
    },
  ];
};

const forget = (standing: readonly SigningCertificateRecord[]): AnyStep[] =>
  standing.map(({ cluster, node, alias }) => ({
    ...{ id: `forget-signing-certificate-${cluster}.${node}`, kind: 'signing-certificate.forget', target: node },
    ...{ effect: 'none', reason: 'nothing is signed with it any more', stage: 'unsigned' },
    diff: `- signing certificate ${signerId({ cluster, node, alias })}`,
    input: { cluster, node, alias },
  }));

/**
 * What has requests over the connection signed no more; nothing where they never were, and for some nodes alone: as long as the cluster signs, each of them needs its
 * file.
 */
export const unsignedSteps = (draft: ConnectDraft): AnyStep[] => {
  const { signing, facts, request, context } = draft;
  if (!signing.goes || request.nodes !== undefined) return [];
  const { local, remote, cas, secretVersions } = facts;
  const settings = signSettings(request.alias);
  const off = {
    ...{ local, alias: request.alias, secretVersions },
    stages: { files: 'signers-off', reload: 'signers-reload' },
  };
  return [
    ...demandOff(draft),
    signingSettingsStep({
      ...{ id: 'sign-no-requests', cluster: local.name, persistent: withoutThem(settings), before: settings },
      ...{ crossing: crossingOf(draft), stage: 'sign-off', reason: 'requests are not to be signed any more' },
    }),
    ...rollOrder(local.nodes).flatMap((node) => signerOff(off, node)),
    ...trustOff({
      ...{ remote, others: signing.others, cas, hash: context.hash },
      stages: { settings: 'trust-off', files: 'trust-files-off' },
    }),
    ...forget(signing.standing),
  ];
};
