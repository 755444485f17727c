import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { caBundleFile, neededCas } from '../ca-bundle.ts';
import { withComing } from '../ca-names.ts';
import type { NodeObservation } from '../facts.ts';
import { isSecureSettingLoaded } from '../loaded.ts';
import { changeOf, type NodeChange, type WantedFile } from '../node-change.ts';
import { keystorePasswordReference, nodeStep } from '../node-step.ts';
import { connectingNodes, fileSetting, itemsOf } from '../nodes.ts';
import { rollOrder } from '../order.ts';
import { files } from '../placed-files.ts';
import type { AnyStep } from '../steps.ts';
import { aliasStep } from './alias.ts';
import type { ConnectDraft } from './draft.ts';
import { keySteps } from './key.ts';

const PREFIX = 'xpack.security.remote_cluster_client.ssl';

/**
 * What has to happen for the local cluster: the key, trust and credential on every connecting node, the alias, and the proof, which also follows whatever is
 * done on the remote side.
 */
export const localSteps = (draft: ConnectDraft, remoteSteps: readonly AnyStep[]): AnyStep[] => {
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
  const others = steps.length + remoteSteps.length > 0;
  const reloads = reloadSteps(draft, nodes, changes, others);
  const proof = others || reloads.length > 0 || draft.facts.proven !== true ? [proveStep(draft)] : [];
  return [...steps, ...reloads, ...proof];
};

/** The CAs of all remotes of the local cluster in one file, so that a further remote needs no restart. */
const bundleFile = ({ facts, request, ca, context }: ConnectDraft): WantedFile => {
  const others = facts.connections.filter((c) => c.local === request.local && c.alias !== request.alias);
  const names = new Set([...withComing(facts.cas, [ca]), ...neededCas(facts.cas, others)]);
  return caBundleFile([...names].sort(), facts.cas, context.hash);
};

/** CAs that somebody else configured stay; ours is added behind them. */
const authorities = (node: NodeObservation): SettingValue => {
  const list = itemsOf(fileSetting(node, `${PREFIX}.certificate_authorities`));
  return list.includes(files.caBundle) ? list : [...list, files.caBundle];
};

/** What elasticsearch.yml of a node that connects says of whom it trusts. */
export const trustSettings = (node: NodeObservation): Readonly<Record<string, SettingValue>> => ({
  [`${PREFIX}.enabled`]: true,
  [`${PREFIX}.certificate_authorities`]: authorities(node),
});

const localChange = (draft: ConnectDraft, node: NodeObservation, facts: NodeFacts): NodeChange | null =>
  changeOf(node, facts, {
    files: [bundleFile(draft)],
    settings: trustSettings(node),
    keystore: { [`cluster.remote.${draft.request.alias}.credentials`]: draft.record.keySecret },
    keystorePassword: keystorePasswordReference(draft.facts, draft.facts.local.name, node.name),
  });

/**
 * A credential that was written after its process started and was not proven since may never have been loaded: a run may have died between the two. Files
 * do not tell, so it is reloaded, which does no harm when it was.
 */
const mayBeUnloaded = ({ facts, request, record }: ConnectDraft, node: NodeObservation): boolean => {
  if (facts.proven === true || node.agent.state !== 'online') return false;
  const entry = node.agent.facts.keystore.entries?.find(
    ({ name }) => name === `cluster.remote.${request.alias}.credentials`,
  );
  return entry?.reference === record.keySecret && !isSecureSettingLoaded(node, entry.writtenAtMs);
};

/**
 * A credential that was written without a restart needs a reload. When nothing at all has to change and the connection still is not proven, the reload is
 * the one thing left that may help.
 */
const reloadSteps = (
  draft: ConnectDraft,
  nodes: readonly NodeObservation[],
  changes: readonly { node: NodeObservation; change: NodeChange }[],
  otherSteps: boolean,
): AnyStep[] => {
  const { facts, request } = draft;
  const all = !otherSteps && facts.proven === false;
  const reasonFor = (node: NodeObservation): string | null => {
    const change = changes.find((one) => one.node === node)?.change;
    if (change?.restart) return null;
    if (change?.reload) return `cluster.remote.${request.alias}.credentials changed in the keystore`;
    if (all) return 'the connection is not proven although everything is in place';
    return mayBeUnloaded(draft, node)
      ? 'the credential was written after the process started, and is not proven'
      : null;
  };
  return nodes.flatMap((node) => {
    const reason = reasonFor(node);
    return reason === null ? [] : [reloadStep(draft, node, reason)];
  });
};

const reloadStep = ({ facts }: ConnectDraft, node: NodeObservation, reason: string): AnyStep => ({
  id: `reload-${facts.local.name}.${node.name}`,
  kind: 'secure-settings.reload',
  target: node.name,
  effect: 'reload',
  reason,
  diff: '',
  stage: 'reload',
  input: {
    cluster: facts.local.name,
    node: node.name,
    keystorePassword: keystorePasswordReference(facts, facts.local.name, node.name),
  },
});

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
