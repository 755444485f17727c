import { formatDuration, parseDurationOrNone } from '@remora/shared/model/duration.ts';
import { DEFAULT_GRACE, type KeyRotateRequest } from '@remora/shared/model/key-request.ts';
import { type ClusterKey, refusedIndex } from '../cluster-key.ts';
import { connectionDiff } from '../connection-diff.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { keyGrants, keyNameOf, markedMetadata } from '../key-names.ts';
import { changeOf, type NodeChange } from '../node-change.ts';
import { keystorePasswordReference, nodeStep } from '../node-step.ts';
import { connectingNodes } from '../nodes.ts';
import { byName } from '../order.ts';
import type { AnyStep } from '../steps.ts';
import { connectionName } from './chosen.ts';
import type { KeyRotationFacts } from './facts.ts';
import { credentialEntry } from './refusals.ts';
import type { KeyRotation } from './rotation.ts';

const nameOf = ({ standing: { local, alias } }: KeyRotation): string => `${local}.${alias}`;

/** Beginnings of the keys' names; `a-b`/`c` and `a`/`b-c` would have the same, and which key is whose is told by it. */
const keyNames = (rotations: readonly KeyRotation[]): ReadonlyMap<KeyRotation, string> => {
  const groups = Map.groupBy(rotations, ({ standing }) => `${standing.remote} ${keyNameOf(standing)}`);
  return new Map(
    [...groups.values()].flatMap((group) =>
      group.map((one, i): [KeyRotation, string] => [one, `${keyNameOf(one.standing)}${i === 0 ? '' : `.${i + 1}`}`]),
    ),
  );
};

const createStep = (one: KeyRotation, name: string): AnyStep[] => {
  const { standing, connection, local, current, next, configHash, metadata } = one;
  if (next) return [];
  const { remote, access, keySecret, expires } = connection;
  const identity = current?.key?.certificateIdentity ?? null;
  const input = {
    ...{ cluster: remote, name, access, expiration: expires, secret: keySecret, configHash },
    metadata: markedMetadata(metadata ?? {}, {
      local: standing.local,
      local_cluster_uuid: local?.clusterUuid ?? '',
      alias: standing.alias,
      configHash,
    }),
    ...(identity === null ? {} : { certificateIdentity: identity }),
  };
  return [
    {
      ...{ id: `create-key-${nameOf(one)}`, kind: 'api-key.create', target: remote, effect: 'api', stage: 'api-key' },
      reason: `it takes the place of ${current?.record.name ?? 'the key'} of ${connectionName(standing)}`,
      diff: `+ key ${name}-…: ${keyGrants(access, expires)}\n+ key's secret ${keySecret} (new)`,
      input,
    },
  ];
};

/** What a node whose agent is away gets, whatever it has. */
const ofAway = (keystore: Readonly<Record<string, string>>, password: string | null): NodeChange => {
  const set = Object.entries(keystore).map(([name, reference]) => ({ name, value: { $secret: reference }, reference }));
  const given = password === null ? {} : { password: { $secret: password } };
  return {
    operations: [{ name: 'keystore', input: { set, remove: [], ...given } }],
    ...{ restart: false, reload: true, diff: set.map(({ name, reference }) => `~ keystore ${name}: ${reference}`) },
    reasons: ['its agent is away: the node is left until it is back'],
  };
};

/** A node's keystore gets the new keys of all connections of its cluster at once. */
const keystoreStep = (
  cluster: ClusterObservation,
  node: NodeObservation,
  keystore: Readonly<Record<string, string>>,
  facts: KeyRotationFacts,
): AnyStep[] => {
  const parts = { cluster, node, effect: 'reload', stages: { roll: 'keystores', files: 'keystores' } } as const;
  const keystorePassword = keystorePasswordReference(facts, cluster.name, node.name);
  if (node.agent.state !== 'online') {
    const { pid, startedAtMs } = node;
    return [nodeStep({ ...parts, change: ofAway(keystore, keystorePassword), unseen: { pid, startedAtMs } })];
  }
  const change = changeOf(node, node.agent.facts, { files: [], settings: {}, keystore, keystorePassword });
  return change === null ? [] : [nodeStep({ ...parts, change: { ...change, reasons: ['it gets the new key'] } })];
};

const reloadStep = ({ name: cluster }: ClusterObservation, { name: node }: NodeObservation, password: string | null) =>
  ({
    ...{ id: `reload-${cluster}.${node}`, kind: 'secure-settings.reload', target: node, effect: 'reload', diff: '' },
    ...{ reason: 'a running node has the key of its last reload', stage: 'reload' },
    input: { cluster, node, keystorePassword: password },
  }) satisfies AnyStep;

/** What all nodes that connect get, cluster by cluster. */
const nodeSteps = (rotations: readonly KeyRotation[], facts: KeyRotationFacts): AnyStep[] => {
  const byLocal = Map.groupBy(rotations, ({ local }) => local);
  return [...byLocal].flatMap(([cluster, group]) => {
    if (!cluster) return [];
    const keystore = Object.fromEntries(
      group.map(({ connection }): [string, string] => [credentialEntry(connection.alias), connection.keySecret]),
    );
    return connectingNodes(cluster)
      .sort(byName)
      .flatMap((node) => [
        ...keystoreStep(cluster, node, keystore, facts),
        reloadStep(cluster, node, keystorePasswordReference(facts, cluster.name, node.name)),
      ]);
  });
};

const proveStep = (one: KeyRotation, stage: 'prove' | 'prove-again', reason: string): AnyStep => {
  const { local, remote, alias, keySecret } = one.connection;
  return {
    ...{ id: `${stage}-${nameOf(one)}`, kind: 'connection.prove', target: local, effect: 'none', diff: '' },
    ...{ reason, stage, input: { local, remote, alias, keySecret } },
  };
};

const inUseStep = (one: KeyRotation): AnyStep => {
  const { local, alias, keySecret: secret, access } = one.connection;
  return {
    ...{ id: `in-use-${nameOf(one)}`, kind: 'api-key.verify', target: local, effect: 'none', diff: '' },
    ...{ reason: 'the old key must not be needed by anybody', stage: 'in-use' },
    input: { local, alias, secret, refusedIndex: refusedIndex(access) },
  };
};

const recordStep = (one: KeyRotation): AnyStep => ({
  ...{ id: `record-${nameOf(one)}`, kind: 'connection.record', target: 'coordinator', effect: 'none' },
  ...{ reason: 'every node uses the new key', stage: 'record' },
  ...{ diff: connectionDiff(one.standing, one.connection), input: { connection: one.connection } },
});

const retireSteps = ({ standing, old }: KeyRotation, graceMs: number): AnyStep[] =>
  old.map(({ record: { cluster, id, name, secret } }) => ({
    ...{ id: `retire-key-${id}`, kind: 'api-key.invalidate', target: cluster, effect: 'api', stage: 'retire' },
    reason: `every node has proven the new key${graceMs === 0 ? '' : `; it lives on for ${formatDuration(graceMs)} more`}`,
    ...{ diff: `- key ${name} (${secret})`, input: { cluster, id, secret, locals: [standing.local], graceMs } },
  }));

const strayStep = (cluster: string, { id, name }: ClusterKey): AnyStep => ({
  ...{ id: `stray-key-${id}`, kind: 'api-key.revoke', target: cluster, effect: 'api', stage: 'strays' },
  ...{ reason: 'a crash left it: no node uses it', diff: `- key ${name} (${id})`, input: { cluster, id } },
});

/** All steps of the rotations, in the order of their stages. */
export const keyRotationSteps = (
  rotations: readonly KeyRotation[],
  { grace = DEFAULT_GRACE }: Pick<KeyRotateRequest, 'grace'>,
  facts: KeyRotationFacts,
): AnyStep[] => {
  const graceMs = parseDurationOrNone(grace);
  const names = keyNames(rotations);
  return [
    ...rotations.flatMap((one) => createStep(one, names.get(one) ?? '')),
    ...nodeSteps(rotations, facts),
    ...rotations.map((one) => proveStep(one, 'prove', 'the new key must work from every node before the old one goes')),
    ...rotations.map(inUseStep),
    ...rotations.map(recordStep),
    ...rotations.flatMap((one) => retireSteps(one, graceMs)),
    ...rotations
      .filter(({ old }) => old.length > 0)
      .map((one) => proveStep(one, 'prove-again', 'the connection must work without the old key')),
    ...rotations.flatMap(({ standing, strays }) => strays.map((key) => strayStep(standing.remote, key))),
  ];
};
