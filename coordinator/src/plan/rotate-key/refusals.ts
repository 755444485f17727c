import type { KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { isRegistered, onlyNodes, placeOf } from '../connection/alias-place.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { connectionName } from '../keys/new-key.ts';
import {
  agentFailed,
  agentFindings,
  agentOffline,
  type Finding,
  keystoreFindings,
  nodesAbsent,
} from '../node/agent-findings.ts';
import { connectingNodes } from '../node/nodes.ts';
import { lacksPrivileges, mayNotAsk } from '../roles/privileges.ts';
import type { KeyRotationFacts } from './facts.ts';
import type { KeyRotation } from './rotation.ts';

const preflight = (message: string | null): Finding[] => (message === null ? [] : [['preflight-failed', message]]);

const again = ({ standing: { local, remote, alias } }: KeyRotation): string =>
  `\`remora connect ${local} ${remote} --alias ${alias}\` with what it shall grant`;

/** A node that connects without a credential never was a part of the connection: it may lack the trust too. */
const entryFindings = (node: NodeObservation, one: KeyRotation): Finding[] => {
  const { local, alias } = one.standing;
  if (node.agent.state !== 'online') return [];
  const { entries } = node.agent.facts.keystore;
  return entries === null || entries.some(({ name }) => name === credentialEntry(alias))
    ? []
    : [
        [
          'preflight-failed',
          `Node ${node.name} of cluster ${local} has no key for ${alias} in its keystore: ${again(one)} sets it up first.`,
        ],
      ];
};

/** A node that is not to connect by the alias and has the old key, which is then not invalidated: the run that was to take it out came no further, or was limited. */
const leftOverFindings = (node: NodeObservation, one: KeyRotation): Finding[] => {
  const { local, alias } = one.standing;
  const secrets = one.old.map(({ record }) => record.secret);
  const entries = node.agent.state === 'online' ? (node.agent.facts.keystore.entries ?? []) : [];
  const held = entries.find(({ reference }) => reference !== null && secrets.includes(reference));
  if (held === undefined) return [];
  const connects = node.roles.includes('remote_cluster_client') && held.name === credentialEntry(alias);
  const remedy = connects
    ? `${again(one)} takes it out`
    : `take it out with \`elasticsearch-keystore remove ${held.name}\``;
  return [
    [
      'preflight-failed',
      `Node ${node.name} of cluster ${local} is not to connect by ${alias} and still has the old key as ${held.name} in its keystore, so that could not be invalidated: ${remedy}.`,
    ],
  ];
};

/**
 * Every agent of the local cluster is asked whether a keystore still has the old key before that is invalidated, also beside nodes that do not connect: nobody
 * waits for those.
 */
const holderFindings = (one: KeyRotation, local: ClusterObservation): Finding[] => {
  const { standing, old } = one;
  const connecting = connectingNodes(local, placeOf(standing));
  const others = old.length === 0 ? [] : local.nodes.filter((node) => !connecting.includes(node));
  const unknown = `whether its keystore has the old key of ${connectionName(standing)} cannot be told.`;
  return others.flatMap((node): Finding[] => {
    const offline = agentOffline(node, local);
    if (offline !== null) return [['agent-offline', `${offline} Until then ${unknown}`]];
    const failed = agentFailed(node, local);
    if (failed !== null) return [['preflight-failed', `${failed} So ${unknown}`]];
    return [...keystoreFindings(node, local.name), ...(connecting.length === 0 ? [] : leftOverFindings(node, one))];
  });
};

const noNode = ({ standing }: KeyRotation, { name }: ClusterObservation): string => {
  const { nodes } = onlyNodes(placeOf(standing));
  return nodes === undefined
    ? `No node of cluster ${name} has the role remote_cluster_client.`
    : `None of the nodes in whose elasticsearch.yml ${standing.alias} is to stand (${nodes.join(', ')}) is in cluster ${name} with the role remote_cluster_client.`;
};

const localFindings = (one: KeyRotation, local: ClusterObservation, waitOffline: boolean): Finding[] => {
  const { alias } = one.standing;
  const nodes = connectingNodes(local, placeOf(one.standing));
  return [
    ...preflight(lacksPrivileges(local.name, local.missingPrivileges)),
    ...preflight(mayNotAsk(local, alias)),
    ...preflight(nodesAbsent(local)),
    ...(isRegistered(local, one.standing)
      ? []
      : preflight(`Cluster ${local.name} has no alias ${alias} registered: ${again(one)} does that.`)),
    ...(nodes.length > 0 || local.deployment !== undefined ? [] : preflight(noNode(one, local))),
    ...nodes.flatMap((node) => {
      const agents = agentFindings(node, local).filter(([code]) => !(waitOffline && code === 'agent-offline'));
      if (agents.length > 0) return agents;
      return [...keystoreFindings(node, local.name), ...entryFindings(node, one)];
    }),
  ];
};

/** With other connections in the run, what cannot be proven has all of them put back: it is left where it does not work although its key is good. */
const brokenFindings = ({ standing, current }: KeyRotation, { problems }: KeyRotationFacts): Finding[] => {
  const { local, alias } = standing;
  const problem = problems.get(connectionName(standing)) ?? null;
  return problem === null || !current?.usable
    ? []
    : preflight(
        `The connection ${local}/${alias} does not work now, and not for want of a key (${problem}): mend it first, or replace its key by itself with \`remora api-keys rotate ${local} ${alias}\`.`,
      );
};

/** All that forbids to replace the key of a connection now. */
export const keyRotationFindings = (
  one: KeyRotation,
  facts: KeyRotationFacts,
  { waitOffline, asFarAsPossible }: Pick<KeyRotateRequest, 'waitOffline' | 'asFarAsPossible'>,
): readonly Finding[] => {
  const { unseen } = facts;
  const { standing, current, local, remote } = one;
  if (!current)
    return [
      [
        'preflight-failed',
        `The connection ${connectionName(standing)} has no key on record that could be replaced: ${again(one)} makes one.`,
      ],
    ];
  const silent = [standing.remote, standing.local].flatMap((name): Finding[] => {
    const problem = unseen.get(name);
    return problem === undefined ? [] : [['cluster-unreachable', problem]];
  });
  return [
    ...silent,
    ...(remote ? preflight(lacksPrivileges(remote.name, remote.missingPrivileges)) : []),
    ...(local ? [...localFindings(one, local, waitOffline === true), ...holderFindings(one, local)] : []),
    ...(asFarAsPossible ? brokenFindings(one, facts) : []),
  ];
};
