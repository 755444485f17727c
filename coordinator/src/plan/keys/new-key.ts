import type { DeploymentSeen } from '../cloud-deployment/facts.ts';
import { deploymentKeyStep, hasKey } from '../cloud-deployment/local-side.ts';
import { inCluster, isPlaced, onlyNodes, placeOf } from '../connection/alias-place.ts';
import type { ConnectionRecord } from '../connection/connection-records.ts';
import { proofOf } from '../connection/connection-records.ts';
import type { ClusterObservation, ConnectFacts, NodeObservation } from '../facts.ts';
import { changeOf, type NodeChange } from '../node/node-change.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { connectingNodes } from '../node/nodes.ts';
import { byName } from '../order.ts';
import type { ApiKeyRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { type FoundKey, refusedIndex } from './cluster-key.ts';
import { credentialEntry, keyGrants, markedMetadata } from './key-names.ts';

/** How connections are called where one name has to do. */
export const connectionName = ({ local, alias }: Pick<ConnectionRecord, 'local' | 'alias'>): string =>
  `${local}/${alias}`;

/** A connection that gets a key in the place of the one that it has. */
export interface KeyReplacement {
  /** As it will stand on record. */
  readonly connection: ConnectionRecord;
  /** Undefined where it could not be looked at. */
  readonly local: ClusterObservation | undefined;
  /** The key that it has. */
  readonly current: { readonly record: Pick<ApiKeyRecord, 'name'> } | undefined;
  /** A key that is made already and takes its place. */
  readonly next: FoundKey | undefined;
  readonly configHash: string;
  /** Null where its metadata cannot be known any more. */
  readonly metadata: object | null;
  /** What it demands of a signature; null for nothing. */
  readonly identity: string | null;
}

const nameOf = ({ connection: { local, alias } }: KeyReplacement): string => `${local}.${alias}`;

/** Makes the new key, `name` being the beginning of its name; nothing where it is made already. */
export const createKeyStep = (one: KeyReplacement, name: string): AnyStep[] => {
  const { connection, local, current, next, configHash, metadata, identity } = one;
  if (next) return [];
  const { remote, alias, access, keySecret, expires } = connection;
  const input = {
    ...{ cluster: remote, name, access, expiration: expires, secret: keySecret, configHash },
    metadata: markedMetadata(metadata ?? {}, {
      ...{ local: connection.local, local_cluster_uuid: local?.clusterUuid ?? '', alias, configHash },
    }),
    ...(identity === null ? {} : { certificateIdentity: identity }),
  };
  return [
    {
      ...{ id: `create-key-${nameOf(one)}`, kind: 'api-key.create', target: remote, effect: 'api', stage: 'api-key' },
      reason: `it takes the place of ${current?.record.name ?? 'the key'} of ${connectionName(connection)}`,
      diff: `+ key ${name}-…: ${keyGrants(access, expires)}${identity === null ? '' : `, certificate_identity ${identity}`}\n+ key's secret ${keySecret} (new)`,
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
  keystorePassword: string | null,
): AnyStep[] => {
  const parts = { cluster, node, effect: 'reload', stages: { roll: 'keystores', files: 'keystores' } } as const;
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

/** The same of a deployment, whose nodes load by themselves what its cloud puts into its keystore. */
const deploymentKeySteps = (deployment: DeploymentSeen, group: readonly KeyReplacement[]): AnyStep[] =>
  group
    .filter(({ connection: { alias, keySecret } }) => !hasKey(deployment, alias, keySecret))
    .map((one) =>
      deploymentKeyStep(deployment, one.connection.alias, {
        ...{ id: `put-key-${nameOf(one)}`, secret: one.connection.keySecret, stage: 'keystores' },
        reason: 'it gets the new key',
      }),
    );

/** What all nodes that connect get, cluster by cluster. */
export const newKeyNodeSteps = (
  replacements: readonly KeyReplacement[],
  facts: Pick<ConnectFacts, 'secretVersions'>,
): AnyStep[] => {
  const byLocal = Map.groupBy(replacements, ({ local }) => local);
  return [...byLocal].flatMap(([cluster, group]) => {
    if (!cluster) return [];
    if (cluster.deployment !== undefined) return deploymentKeySteps(cluster.deployment, group);
    return connectingNodes(cluster, inCluster)
      .sort(byName)
      .flatMap((node) => {
        const own = group.filter(({ connection }) => isPlaced(placeOf(connection), node.name));
        if (own.length === 0) return [];
        const keystore = Object.fromEntries(
          own.map(({ connection }): [string, string] => [credentialEntry(connection.alias), connection.keySecret]),
        );
        const password = keystorePasswordReference(facts, cluster.name, node.name);
        return [...keystoreStep(cluster, node, keystore, password), reloadStep(cluster, node, password)];
      });
  });
};

/** A real request from every node with the new key. */
export const proveKeyStep = (one: KeyReplacement, stage: 'prove' | 'prove-again', reason: string): AnyStep => {
  return {
    ...{
      id: `${stage}-${nameOf(one)}`,
      kind: 'connection.prove',
      target: one.connection.local,
      effect: 'none',
      diff: '',
    },
    ...{ reason, stage, input: proofOf(one.connection) },
  };
};

/** That every node uses the new key, by what the remote cluster says. */
export const inUseStep = (one: KeyReplacement): AnyStep => {
  const { local, alias, keySecret: secret, access } = one.connection;
  return {
    ...{ id: `in-use-${nameOf(one)}`, kind: 'api-key.verify', target: local, effect: 'none', diff: '' },
    ...{ reason: 'the old key must not be needed by anybody', stage: 'in-use' },
    input: { local, alias, secret, refusedIndex: refusedIndex(access), ...onlyNodes(placeOf(one.connection)) },
  };
};
