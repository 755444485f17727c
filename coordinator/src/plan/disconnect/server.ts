import type { SettingValue } from '@remora/shared/settings.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import { type FoundSetting, isForeign } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { foundOf } from '../node/found-settings.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { fileSetting } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { type Removal, removalChange } from '../node/removal.ts';
import { sslPrefix } from '../node/ssl.ts';
import { rollOrder } from '../order.ts';
import { trustOff } from '../signing/signing-off.ts';
import { othersCas } from '../signing/signing-wish.ts';
import type { AnyStep } from '../steps.ts';
import { KEYSTORE, type Scope, servesByUs } from './scope.ts';
import { changedSince } from './since.ts';
import { stageIds } from './stages.ts';

const PREFIX = sslPrefix.remote_cluster_server;
const SWITCH = 'remote_cluster_server.enabled';
const PASSWORDS = ['secure_password', 'secure_key_password'].map((name) => `${PREFIX}.keystore.${name}`);

/** The certificate of somebody else on the port: then the server is theirs by now. */
export const foreignKeystore = (node: NodeObservation): string | null => {
  const names = [KEYSTORE, `${PREFIX}.certificate`];
  const found = names
    .map((name) => fileSetting(node, name) ?? files.serverKeystore)
    .find((path) => path !== files.serverKeystore);
  return found === undefined ? null : String(found);
};

/** Settings as they stood before, but for those that somebody changed since. */
const settingsOf = (
  node: NodeObservation,
  found: Readonly<Record<string, FoundSetting>>,
): Record<string, SettingValue | null> =>
  Object.fromEntries(
    Object.entries(found)
      .filter(([name, { made }]) => sameSettingValue(fileSetting(node, name), made))
      .map(([name, { before }]) => [name, before]),
  );

const foundOn = ({ facts }: Scope, { name }: NodeObservation): Readonly<Record<string, FoundSetting>> =>
  foundOf(facts.connection.found, nodeKey({ cluster: facts.remote.name, node: name }));

const isTakenOff = ({ facts }: Scope, node: NodeObservation): boolean =>
  node.agent.state === 'online' && foreignKeystore(node) === null && servesByUs(facts).includes(node.name);

const passwordsOf = ({ agent }: NodeObservation, isOurs: boolean): string[] =>
  agent.state === 'online'
    ? (agent.facts.keystore.entries ?? [])
        .filter(({ name, reference }) => PASSWORDS.includes(name) && (reference !== null) === isOurs)
        .map(({ name }) => name)
    : [];

/** What stays on a node whose server goes: settings that somebody changed since, and keystore entries that somebody wrote, by name. */
export const leftByServer = (scope: Scope, node: NodeObservation): { settings: string[]; entries: string[] } =>
  isTakenOff(scope, node)
    ? { settings: changedSince(node, foundOn(scope, node)), entries: passwordsOf(node, false) }
    : { settings: [], entries: [] };

/** What takes the remote cluster server off a node: nothing where somebody else turned it on, or serves a certificate of their own by now. */
const serverRemoval = (scope: Scope, node: NodeObservation): Omit<Removal, 'keystorePassword'> => {
  if (!isTakenOff(scope, node)) return {};
  const isServing = node.remoteClusterServer !== null && (fileSetting(node, SWITCH) ?? null) === null;
  return {
    files: [{ path: files.serverKeystore, what: `PKCS#12 with the certificate of ${node.name}` }],
    keystore: passwordsOf(node, true),
    settings: settingsOf(node, foundOn(scope, node)),
    loaded: isServing ? [SWITCH] : [],
  };
};

/** Has the remote cluster take no signatures that this connection alone needed. */
export const signingTrustSteps = ({ facts, request, context, signs }: Scope): AnyStep[] => {
  if (!signs || request.remoteGone || isForeign(facts.connection)) return [];
  const { remote, cas } = facts;
  const others = othersCas(facts, facts.connection);
  const stages = { settings: stageIds.signingTrust, files: stageIds.signingFiles };
  return trustOff({ remote, others, cas, hash: context.hash, stages });
};

/** Takes the remote cluster server off all nodes of the remote cluster, where no other connection needs it. */
export const serverSteps = (scope: Scope): AnyStep[] => {
  const { facts, dropsServer } = scope;
  if (!dropsServer) return [];
  return rollOrder(facts.remote.nodes).flatMap((node) => {
    if (node.agent.state !== 'online') return [];
    const keystorePassword = keystorePasswordReference(facts, facts.remote.name, node.name);
    const change = removalChange(node.agent.facts, { ...serverRemoval(scope, node), keystorePassword });
    if (change === null) return [];
    const effect = change.restart ? 'restart' : 'file';
    const stages = { roll: stageIds.remoteRoll, files: stageIds.remoteFiles };
    return [nodeStep({ cluster: facts.remote, node, change, effect, stages, prefix: 'server' })];
  });
};
