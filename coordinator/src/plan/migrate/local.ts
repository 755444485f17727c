import { parseAddress } from '@remora/shared/model/values/address.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { ConnectDraft } from '../connect/draft.ts';
import { aliasWish, bundleFile } from '../connect/local.ts';
import { aliasStep } from '../connection/alias.ts';
import { inCluster } from '../connection/alias-place.ts';
import { reloadStep, trustSettings } from '../connection/local-side.ts';
import type { NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { afterOther, changeOf } from '../node/node-change.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { connectingNodes } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import { rollOrder } from '../order.ts';
import type { AnyStep } from '../steps.ts';
import { phases, stageIds } from './stages.ts';
import { standingSeeds } from './wanted.ts';

/** Of those that are asked first with the new key, which they do not take: each costs a handshake. */
const MOST_OLD_SEEDS = 3;
/** The way was tried before: what does not cross by then will not, and the old way is to be back soon. */
const PROOF_LIMIT_MS = 30_000;

const passwordOf = ({ facts }: ConnectDraft, node: NodeObservation): string | null =>
  keystorePasswordReference(facts, facts.local.name, node.name);

/** The CA of the remote cluster server, without the credential: a node that restarts with that while the alias leads to the transport ports would be cut off. */
const trustStep = (draft: ConnectDraft, node: NodeObservation): AnyStep[] => {
  if (node.agent.state !== 'online') return [];
  const change = changeOf(node, node.agent.facts, {
    ...{ files: [bundleFile(draft)], settings: trustSettings(node), keystore: {} },
    keystorePassword: passwordOf(draft, node),
  });
  if (change === null) return [];
  const stages = { roll: stageIds.localRoll, files: stageIds.localFiles };
  const effect = change.restart ? 'restart' : 'file';
  return [nodeStep({ cluster: draft.facts.local, node, change, effect, stages, prefix: 'trust' })];
};

const credentialStep = (draft: ConnectDraft, node: NodeObservation): AnyStep[] => {
  if (node.agent.state !== 'online') return [];
  const { facts, request, record } = draft;
  const change = changeOf(node, node.agent.facts, {
    ...{ files: [], settings: {}, keystore: { [credentialEntry(request.alias)]: record.keySecret } },
    keystorePassword: passwordOf(draft, node),
  });
  if (change === null) return [];
  const stages = { roll: stageIds.credentials, files: stageIds.credentials };
  const parts = { cluster: facts.local, node, change: afterOther(change), effect: 'reload', stages } as const;
  return [nodeStep({ ...parts, phase: phases.credentials, prefix: 'credential' })];
};

/** Handshakes with the remote cluster server, before anything depends on them. */
const handshakeStep = ({ facts, request, ca, settings }: ConnectDraft, node: NodeObservation): AnyStep => {
  const { proxy_address: address, server_name: serverName = null } = settings;
  const proxy =
    address === undefined
      ? null
      : { address: parseAddress(String(address)), serverName: serverName === null ? null : String(serverName) };
  const named = [trustSettings(node)[`${sslPrefix.remote_cluster_client}.certificate_authorities`] ?? files.caBundle];
  return {
    ...{ id: `handshake-${facts.local.name}.${node.name}`, kind: 'handshake.verify', target: node.name },
    ...{ effect: 'none', diff: '', stage: stageIds.handshakes },
    reason: 'the remote cluster server must be reached and trusted before the alias leads there',
    input: {
      ...{ cluster: facts.local.name, node: node.name, certificateAuthorities: named.flat().map(String) },
      ...{ remote: request.remote, ca, proxy },
    },
  };
};

/**
 * Has the alias lead to both ports for a while: without a key nodes connect to the transport ports, which come first, with one they are refused there and go on to
 * the remote cluster server. So it works at every instant of the switch, whichever node has the key, even one that restarts. A proxy has one address.
 */
const bothSteps = ({ facts, request, settings }: ConnectDraft): AnyStep[] => {
  if (request.mode !== 'sniff') return [];
  const name = `cluster.remote.${request.alias}.seeds`;
  const now = standingSeeds(facts.local, request.alias);
  const wanted = [settings.seeds ?? []].flat().map(String);
  if (now.length === 0 || wanted.some((seed) => now.includes(seed))) return [];
  const seeds = [...now.slice(0, MOST_OLD_SEEDS), ...wanted];
  const persistent: Record<string, SettingValue> = { [name]: seeds };
  return [
    {
      ...{ id: 'lead-to-both', kind: 'cluster-settings.put', target: facts.local.name, effect: 'api' },
      reason: 'nodes connect to the port that takes what they show, while one after the other gets the key',
      diff: `- ${name}: [${now.join(', ')}]\n+ ${name}: [${seeds.join(', ')}]`,
      ...{ stage: stageIds.both, input: { cluster: facts.local.name, persistent } },
    },
  ];
};

const proofAt = ({ record, request }: ConnectDraft, stage: string, reason: string): AnyStep => ({
  ...{ id: stage, kind: 'connection.prove', target: request.local, effect: 'none', diff: '', reason, stage },
  input: {
    local: request.local,
    remote: request.remote,
    alias: request.alias,
    keySecret: record.keySecret,
    limitMs: PROOF_LIMIT_MS,
  },
});

/** What has to happen for the local cluster: trust, the switch, and its proof. */
export const localSteps = (draft: ConnectDraft): AnyStep[] => {
  const nodes = rollOrder(connectingNodes(draft.facts.local, inCluster));
  const reason = `cluster.remote.${draft.request.alias}.credentials is new in the keystore`;
  const alias = aliasStep(aliasWish(draft)).map(
    (step): AnyStep => ({ ...step, id: 'lead-to-server', stage: stageIds.alias }),
  );
  const both = bothSteps(draft);
  return [
    ...nodes.flatMap((node) => trustStep(draft, node)),
    ...nodes.map((node) => handshakeStep(draft, node)),
    ...both,
    ...nodes.flatMap((node) => credentialStep(draft, node)),
    ...nodes.map((node): AnyStep => ({ ...reloadStep(draft.facts, node, reason), stage: stageIds.reload })),
    ...(draft.request.mode === 'sniff'
      ? [proofAt(draft, stageIds.proof, 'every node must cross with the key before the old way is closed')]
      : []),
    ...alias,
    proofAt(draft, stageIds.proofAlone, 'success is proven by a real request from every connecting node'),
  ];
};
