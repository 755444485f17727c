import { bundledConnections } from '../connection/adopted.ts';
import type { AliasWish } from '../connection/alias.ts';
import { placeOf } from '../connection/alias-place.ts';
import { proofOf } from '../connection/connection-records.ts';
import { localSideSteps } from '../connection/local-side.ts';
import type { WantedFile } from '../node/node-change.ts';
import type { AnyStep } from '../steps.ts';
import { caBundleFile, neededCas } from '../trust/ca-bundle.ts';
import { withComing } from '../trust/ca-names.ts';
import { deploymentSideSteps } from './deployment.ts';
import type { ConnectDraft } from './draft.ts';
import { keySteps } from './key/key.ts';
import { replacedKeySteps } from './key/replaced-keys.ts';
import { signingSide } from './signing/signing.ts';

/**
 * What has to happen for the local cluster: the key, trust and credential on every connecting node, the alias, and the proof, which also follows whatever is
 * done on the remote side.
 */
export const localSteps = (draft: ConnectDraft, remoteSteps: readonly AnyStep[]): AnyStep[] => {
  const { facts, record } = draft;
  const key = keySteps(draft);
  const others = key.length + remoteSteps.length > 0;
  const { deployment } = facts.local;
  if (deployment !== undefined) {
    const side = deploymentSideSteps(draft, { deployment, alias: aliasWish(draft) }, others);
    return [...key, ...side, ...replacedKeySteps(draft)];
  }
  // Who trusts by what people wrote goes on doing so.
  const bundle = record.adopted?.trust ? null : bundleFile(draft);
  const side = {
    ...{ ...aliasWish(draft), keySecret: record.keySecret, bundle, proof: proofOf(record), found: record.found },
    ...{ proven: facts.proven, secretVersions: facts.secretVersions },
    ...(draft.signing.wish === null ? {} : { signing: signingSide(draft) }),
  };
  return [...key, ...localSideSteps(side, others), ...replacedKeySteps(draft)];
};

/** The alias as it shall be. */
export const aliasWish = ({ facts, request, record, settings }: ConnectDraft): AliasWish => ({
  ...{ local: facts.local, alias: request.alias, place: placeOf(record), mode: request.mode, settings },
  ownSettings: record.settings,
});

/** The CAs of all remotes of the local cluster in one file, so that a further remote needs no restart. */
export const bundleFile = ({ facts, request, ca, context }: ConnectDraft): WantedFile => {
  const others = bundledConnections(facts.connections, facts.local, facts.cas).filter(
    (c) => c.local === request.local && c.alias !== request.alias,
  );
  const names = new Set([...withComing(facts.cas, [ca]), ...neededCas(facts.cas, others)]);
  return caBundleFile([...names].sort(), facts.cas, context.hash);
};
