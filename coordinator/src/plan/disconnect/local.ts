import { deploymentKeyStep, trustRemovalSteps } from '../cloud-deployment/local-side.ts';
import { isForeign } from '../connection/connection-records.ts';
import { linesRemoval } from '../connection/static-alias.ts';
import type { NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import type { NodeChange } from '../node/node-change.ts';
import { nodeKey } from '../node/node-id.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { blindRemoval, removalChange } from '../node/removal.ts';
import { signSettings, withoutThem } from '../signing/signing-names.ts';
import { ownPasswordEntry, signerFileOf } from '../signing/signing-off.ts';
import { signingSettingsStep } from '../signing/signing-settings.ts';
import type { AnyStep } from '../steps.ts';
import { goneKeySteps } from './gone.ts';
import { awayOf, hasLines, localNodes, type Scope } from './scope.ts';
import { stageIds } from './stages.ts';
import { foreignCas, rewrittenBundle, trustRemoval } from './trust.ts';

/** The keystore entry with which the local nodes show their key. */
const entryName = ({ facts }: Scope): string => credentialEntry(facts.connection.alias);

const passwordOf = ({ facts }: Scope, node: string): string | null =>
  keystorePasswordReference(facts, facts.local.name, node);

/** What removing an alias needs to know. */
export interface AliasScope {
  readonly facts: Pick<Scope['facts'], 'local'> & { readonly connection: { readonly alias: string } };
}

/** Names below the alias that stand in the cluster's persistent settings. */
export const standingSettings = ({ facts }: AliasScope): string[] =>
  Object.keys(facts.local.persistent)
    .filter((name) => name.startsWith(`cluster.remote.${facts.connection.alias}.`))
    .sort();

/** What the alias needs on a node where it stands in elasticsearch.yml, and with that all else: the node restarts once. */
const lineSteps = (scope: Scope, node: NodeObservation): AnyStep[] => {
  const { facts, signs } = scope;
  const { alias } = facts.connection;
  if (node.agent.state !== 'online' || !hasLines(scope, node)) return [];
  const [lines, trust] = [linesRemoval(alias, node), trustOff(scope, node)];
  const change = removalChange(node.agent.facts, {
    files: [...(signs ? [signerFileOf(alias)] : []), ...(trust?.files ?? [])],
    settings: { ...lines.settings, ...trust?.settings },
    loaded: [...lines.loaded, ...(trust?.loaded ?? [])],
    ...{ keystore: ownEntries(scope, node), rewritten: rewrittenBundle(scope, node) },
    keystorePassword: passwordOf(scope, node.name),
  });
  const stages = { roll: stageIds.lines, files: stageIds.lines };
  return change === null
    ? []
    : [nodeStep({ cluster: facts.local, node, change, effect: 'restart', stages, prefix: 'lines' })];
};

/** Elasticsearch takes no setting of an alias without its address, so all that stand there go, in one request. */
export const aliasSteps = (scope: AliasScope): AnyStep[] => {
  const { facts } = scope;
  const names = standingSettings(scope);
  if (names.length === 0) return [];
  const text = (name: string): string => {
    const value = facts.local.persistent[name];
    return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
  };
  return [
    {
      ...{ id: 'remove-alias', kind: 'cluster-settings.put', target: facts.local.name, effect: 'api' },
      reason: `the alias ${facts.connection.alias} is registered`,
      diff: names.map((name) => `- ${name}: ${text(name)}`).join('\n'),
      stage: stageIds.alias,
      input: { cluster: facts.local.name, persistent: Object.fromEntries(names.map((name) => [name, null])) },
    },
  ];
};

/** Not among what Elasticsearch shows, so it is written whenever it may stand; after the alias, over which nothing is asked any more then. */
const unsignStep = ({ facts, request, signs }: Scope): AnyStep[] => {
  if (!signs || request.localGone) return [];
  const settings = signSettings(facts.connection.alias);
  return [
    signingSettingsStep({
      ...{ id: 'sign-no-requests', cluster: facts.local.name, persistent: withoutThem(settings), before: settings },
      ...{ stage: stageIds.alias, reason: 'requests over the alias were signed' },
    }),
  ];
};

/** An entry that somebody else wrote is theirs. */
const ownEntries = (scope: Scope, node: NodeObservation): string[] =>
  node.agent.state === 'online'
    ? [
        ...(node.agent.facts.keystore.entries ?? [])
          .filter(({ name, reference }) => name === entryName(scope) && reference !== null)
          .map(({ name }) => name),
        ...(scope.signs ? ownPasswordEntry(scope.facts.connection.alias, node) : []),
      ]
    : [];

export const foreignEntry = (scope: Scope, { agent }: NodeObservation): string | null =>
  agent.state === 'online' &&
  agent.facts.keystore.entries?.some(({ name, reference }) => name === entryName(scope) && reference === null)
    ? entryName(scope)
    : null;

const reloadStep = (scope: Scope, node: string, stage: string, reason: string): AnyStep => ({
  ...{ id: `reload-${scope.facts.local.name}.${node}`, kind: 'secure-settings.reload', target: node, effect: 'reload' },
  ...{ reason, diff: '', stage },
  input: { cluster: scope.facts.local.name, node, keystorePassword: passwordOf(scope, node) },
});

/**
 * Takes the credential out of a node's keystore. Whether the process still has one that an interrupted run took out cannot be told, so as long as the key is good every
 * node that connects reloads; once more does no harm.
 */
const credentialSteps = (scope: Scope, node: NodeObservation): AnyStep[] => {
  const { facts } = scope;
  if (node.agent.state !== 'online' || hasLines(scope, node)) return [];
  const change = removalChange(node.agent.facts, {
    files: scope.signs ? [signerFileOf(facts.connection.alias)] : [],
    keystore: ownEntries(scope, node),
    rewritten: rewrittenBundle(scope, node),
    keystorePassword: passwordOf(scope, node.name),
  });
  const stages = { roll: stageIds.localRoll, files: stageIds.credentials };
  const mayBeUsed =
    facts.keys.some(({ usable }) => usable) || scope.request.remoteGone === true || isForeign(facts.connection);
  const isUsable = mayBeUsed && node.roles.includes('remote_cluster_client');
  const reason = change?.reload
    ? `${entryName(scope)} went from the keystore`
    : 'the process may still have a credential that an earlier run took out';
  return [
    ...(change === null
      ? []
      : [
          nodeStep({
            ...{ cluster: facts.local, node, change, effect: change.reload ? 'reload' : 'file', stages },
            prefix: 'credential',
          }),
        ]),
    ...(change?.reload || isUsable ? [reloadStep(scope, node.name, stageIds.reload, reason)] : []),
  ];
};

/** What takes the CA file and its settings off a node, where no other connection needs them. */
const trustOff = (scope: Scope, node: NodeObservation): ReturnType<typeof trustRemoval> | null =>
  scope.dropsTrust && foreignCas(scope, node).length === 0 ? trustRemoval(scope, node) : null;

/** The same as a change of the node; null where it has none of it. */
export const trustChange = (scope: Scope, node: NodeObservation): NodeChange | null => {
  const removal = trustOff(scope, node);
  if (node.agent.state !== 'online' || removal === null) return null;
  return removalChange(node.agent.facts, { ...removal, keystorePassword: null });
};

const trustSteps = (scope: Scope, node: NodeObservation): AnyStep[] => {
  const { facts } = scope;
  const change = hasLines(scope, node) ? null : trustChange(scope, node);
  if (change === null) return [];
  const effect = change.restart ? 'restart' : 'file';
  const stages = { roll: stageIds.localRoll, files: stageIds.localFiles };
  return [nodeStep({ cluster: facts.local, node, change, effect, stages, prefix: 'trust' })];
};

/** A node that is away: its credential goes when it is back. One that is not in its cluster starts without it then, and needs no reload. */
const awaySteps = (scope: Scope): AnyStep[] =>
  awayOf(scope.facts.local).flatMap((name) => {
    const { local } = scope.facts;
    const node = local.nodes.find((one) => one.name === name);
    const keystorePassword = passwordOf(scope, name);
    const change = blindRemoval([entryName(scope)], keystorePassword);
    const stages = { roll: stageIds.away, files: stageIds.away };
    const step = nodeStep({
      ...{ cluster: local, node: node ?? { name }, change, effect: 'reload', stages, prefix: 'credential' },
      ...(node === undefined ? {} : { unseen: { pid: node.pid, startedAtMs: node.startedAtMs } }),
    });
    const reason = `${entryName(scope)} went from the keystore`;
    return [step, ...(node === undefined ? [] : [reloadStep(scope, name, stageIds.awayReload, reason)])];
  });

/** The same of a deployment: its cloud takes the key out of the keystore, and the trust off that this connection alone needed. */
const deploymentSteps = ({ facts: { connection, local } }: Scope): AnyStep[] => {
  const { deployment } = local;
  if (deployment === undefined) return [];
  const { alias } = connection;
  const key = deploymentKeyStep(deployment, alias, {
    ...{ id: 'remove-key', secret: null, stage: stageIds.credentials },
    reason: 'nothing is asked with it any more',
  });
  return [
    ...(deployment.entries.includes(credentialEntry(alias)) ? [key] : []),
    ...trustRemovalSteps({ deployment, alias, stage: stageIds.localFiles }),
  ];
};

/** What has to happen for the local cluster, in the order of the stages. */
export const localSteps = (scope: Scope): AnyStep[] => {
  const nodes = localNodes(scope);
  return [
    ...deploymentSteps(scope),
    ...aliasSteps(scope),
    ...unsignStep(scope),
    ...nodes.flatMap((node) => lineSteps(scope, node)),
    ...nodes.flatMap((node) => credentialSteps(scope, node)),
    ...nodes.flatMap((node) => trustSteps(scope, node)),
    ...awaySteps(scope),
  ];
};

/** Of a key whose secret is lost no agent could say whether a keystore has it. */
const straySteps = ({ facts: { strays, remote } }: Scope): AnyStep[] =>
  strays.map(({ id, name }) => ({
    ...{ id: `stray-key-${id}`, kind: 'api-key.revoke', target: remote.name, effect: 'api', stage: stageIds.keys },
    ...{ reason: 'it was made for the connection, and still lets somebody in', diff: `- key ${name} (${id})` },
    input: { cluster: remote.name, id },
  }));

/** Nobody gets in with the key any more, also where a node that is away has it still. */
export const keySteps = (scope: Scope): AnyStep[] => {
  const { facts } = scope;
  if (scope.request.localGone) return goneKeySteps(scope);
  const away = awayOf(facts.local).map((node) => nodeKey({ cluster: facts.local.name, node }));
  const invalidated = facts.keys
    .filter(({ usable }) => usable)
    .map(
      ({ record: { cluster, id, name, secret } }): AnyStep => ({
        ...{
          id: `invalidate-key-${id}`,
          kind: 'api-key.invalidate',
          target: cluster,
          effect: 'api',
          stage: stageIds.keys,
        },
        ...{ reason: 'nothing is to get in with it any more', diff: `- key ${name} (${secret})` },
        input: { cluster, id, secret, locals: [facts.local.name], ...(away.length === 0 ? {} : { away }) },
      }),
    );
  return [...invalidated, ...straySteps(scope)];
};
