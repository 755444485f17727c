import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import { caCertificateSecret } from './ca-names.ts';
import type { ConnectDraft } from './connect.ts';
import { keystorePasswordReference, nodeStep } from './connect-node-step.ts';
import { connectingNodes, fileSetting, files } from './connect-wanted.ts';
import type { FlatSettings, NodeObservation } from './facts.ts';
import { changeOf, type NodeChange, type WantedFile } from './node-change.ts';
import { rollOrder } from './order.ts';
import type { AnyStep } from './steps.ts';

const PREFIX = 'xpack.security.remote_cluster_client.ssl';

/** What has to happen for the local cluster: the key, trust and credential on every connecting node, the alias, and the proof. */
export const localSteps = (draft: ConnectDraft): AnyStep[] => {
  const nodes = rollOrder(connectingNodes(draft.facts.local));
  const changes = nodes.flatMap((node) => {
    const change = node.agent.state === 'online' ? localChange(draft, node, node.agent.facts) : null;
    return change ? [{ node, change }] : [];
  });
  const steps = [
    ...keySteps(draft),
    ...changes.map(({ node, change }) => {
      const effect = change.restart ? 'restart' : change.reload ? 'reload' : 'file';
      return nodeStep({
        cluster: draft.facts.local,
        node,
        change,
        effect,
        stages: { roll: 'local-roll', files: 'local-files' },
      });
    }),
    ...aliasStep(draft),
  ];
  const reloads = reloadSteps(draft, nodes, changes, steps.length > 0);
  const proof = steps.length + reloads.length > 0 || draft.facts.proven !== true ? [proveStep(draft)] : [];
  return [...steps, ...reloads, ...proof];
};

const keyMetadata = ({ request, keyConfigHash, facts }: ConnectDraft): Record<string, unknown> => ({
  ...request.metadata,
  managed_by: 'remora',
  remora: {
    local: request.local,
    local_cluster_uuid: facts.local.clusterUuid,
    alias: request.alias,
    config: keyConfigHash.slice(0, 16),
  },
});

const keySteps = (draft: ConnectDraft): AnyStep[] => {
  const { facts, record, request, keyConfigHash } = draft;
  const existing = facts.keys.find((key) => key.usable && key.record.secret === record.keySecret);
  const grants = `access ${JSON.stringify(record.access)}, ${record.expires ? `expires after ${record.expires}` : 'no end'}`;
  if (!existing) {
    const name = `remora-${request.local}-${request.alias}`;
    const input = {
      cluster: facts.remote.name,
      name,
      access: record.access,
      expiration: record.expires,
      metadata: keyMetadata(draft),
      configHash: keyConfigHash,
      secret: record.keySecret,
    };
    return [
      {
        id: 'create-api-key',
        kind: 'api-key.create',
        target: facts.remote.name,
        effect: 'api',
        reason: 'the connection has no usable key',
        diff: `+ key ${name}-…: ${grants}, kept as ${record.keySecret}`,
        stage: 'api-key',
        input,
      },
    ];
  }
  if (existing.record.configHash === keyConfigHash) return [];
  const input = {
    cluster: facts.remote.name,
    id: existing.record.id,
    access: record.access,
    expiration: record.expires,
    metadata: keyMetadata(draft),
    configHash: keyConfigHash,
    secret: record.keySecret,
  };
  return [
    {
      id: 'update-api-key',
      kind: 'api-key.update',
      target: facts.remote.name,
      effect: 'api',
      reason: 'the key grants something else than is wanted',
      diff: `~ key ${existing.record.name}: ${grants}`,
      stage: 'api-key',
      input,
    },
  ];
};

/** The CAs of all remotes of the local cluster in one file, so that a further remote needs no restart. */
const bundleFile = (draft: ConnectDraft): WantedFile => {
  const others = draft.facts.connections
    .filter((c) => c.local === draft.request.local && c.alias !== draft.request.alias)
    .map((c) => c.ca);
  const names = [...new Set([draft.ca, ...others])].sort();
  const records = names.map((name) => draft.facts.cas.find((ca) => ca.name === name));
  const fingerprints = records.map((record) => record?.facts.fingerprint256 ?? 'not made yet');
  const content = { $secret: names.map((name, i) => records[i]?.certificate ?? caCertificateSecret(name)) };
  return {
    path: files.caBundle,
    content,
    source: `CA ${names.join(', ')}`,
    certificates: fingerprints,
    mode: 0o644,
    what: `CA certificate of ${names.join(', ')}`,
  };
};

/** CAs that somebody else configured stay; ours is added behind them. */
const authorities = (node: NodeObservation): SettingValue => {
  const standing = fileSetting(node, `${PREFIX}.certificate_authorities`);
  const list =
    standing === undefined || standing === null
      ? []
      : Array.isArray(standing)
        ? standing.map(String)
        : [String(standing)];
  return list.includes(files.caBundle) ? list : [...list, files.caBundle];
};

const localChange = (draft: ConnectDraft, node: NodeObservation, facts: NodeFacts): NodeChange | null =>
  changeOf(node, facts, {
    files: [bundleFile(draft)],
    settings: { [`${PREFIX}.enabled`]: true, [`${PREFIX}.certificate_authorities`]: authorities(node) },
    keystore: { [`cluster.remote.${draft.request.alias}.credentials`]: draft.record.keySecret },
    keystorePassword: keystorePasswordReference(draft.facts, draft.facts.local.name, node.name),
  });

/**
 * A credential that was written without a restart needs a reload. When nothing at all has to change and the connection still is not proven, the reload is
 * the one thing that may be missing: files do not tell whether a secure setting was loaded.
 */
const reloadSteps = (
  draft: ConnectDraft,
  nodes: readonly NodeObservation[],
  changes: readonly { node: NodeObservation; change: NodeChange }[],
  otherSteps: boolean,
): AnyStep[] => {
  const { facts, request } = draft;
  const changed = changes.filter(({ change }) => change.reload).map(({ node }) => node);
  const all = !otherSteps && facts.proven === false;
  return (all ? nodes : changed).map((node) => ({
    id: `reload-${facts.local.name}-${node.name}`,
    kind: 'secure-settings.reload',
    target: node.name,
    effect: 'reload',
    reason: all
      ? 'the connection is not proven although everything is in place'
      : `cluster.remote.${request.alias}.credentials changed in the keystore`,
    diff: '',
    stage: 'reload',
    input: {
      cluster: facts.local.name,
      node: node.name,
      keystorePassword: keystorePasswordReference(facts, facts.local.name, node.name),
    },
  }));
};

const aliasStep = ({ facts, request, settings }: ConnectDraft): AnyStep[] => {
  const prefix = `cluster.remote.${request.alias}.`;
  const wanted = Object.fromEntries(Object.entries(settings).map(([name, value]) => [prefix + name, value]));
  const standing = ours(facts.local.persistent, prefix);
  const changed = Object.entries(wanted).filter(([name, value]) => !sameSettingValue(standing[name], value));
  const gone = Object.keys(standing).filter((name) => !(name in wanted));
  if (changed.length + gone.length === 0) return [];
  const persistent: Record<string, SettingValue | null> = {
    ...Object.fromEntries(changed),
    ...Object.fromEntries(gone.map((name) => [name, null])),
  };
  // Elasticsearch checks a request as a whole: settings of the other mode must go, and those of this mode must be there, in the same one.
  const diff = [
    ...gone.map((name) => `- ${name}: ${String(standing[name])}`),
    ...changed.flatMap(([name, value]) => [
      ...(name in standing ? [`- ${name}: ${String(standing[name])}`] : []),
      `+ ${name}: ${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`,
    ]),
  ].join('\n');
  const reason =
    Object.keys(standing).length === 0
      ? `the alias ${request.alias} is not registered`
      : 'the connection is registered with other settings; changing them reopens it';
  return [
    {
      id: 'register-alias',
      kind: 'cluster-settings.put',
      target: facts.local.name,
      effect: 'api',
      reason,
      diff,
      stage: 'connect',
      input: { cluster: facts.local.name, persistent },
    },
  ];
};

const ours = (settings: FlatSettings, prefix: string): Record<string, string | readonly string[]> =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => name.startsWith(prefix)));

const proveStep = ({ facts, record, request }: ConnectDraft): AnyStep => ({
  id: 'prove-connection',
  kind: 'connection.prove',
  target: facts.local.name,
  effect: 'none',
  reason: 'success is proven by a real request from every connecting node',
  diff: '',
  stage: 'connect',
  input: { local: request.local, remote: request.remote, alias: request.alias, keySecret: record.keySecret },
});
