import { agentFindings, type Finding, keystoreFindings, nodesAbsent } from '../agent-findings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { connectingNodes } from '../nodes.ts';
import { lacksPrivileges, mayNotAsk } from '../privileges.ts';
import { connectionName } from './chosen.ts';
import type { KeyRotationFacts } from './facts.ts';
import type { KeyRotation } from './rotation.ts';

/** The keystore entry by which a node connects. */
export const credentialEntry = (alias: string): string => `cluster.remote.${alias}.credentials`;

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

const localFindings = (one: KeyRotation, local: ClusterObservation, waitOffline: boolean): Finding[] => {
  const { alias } = one.standing;
  const nodes = connectingNodes(local);
  const isRegistered = Object.keys(local.persistent).some((name) => name.startsWith(`cluster.remote.${alias}.`));
  return [
    ...preflight(lacksPrivileges(local.name, local.missingPrivileges)),
    ...preflight(mayNotAsk(local, alias)),
    ...preflight(nodesAbsent(local)),
    ...(isRegistered
      ? []
      : preflight(`Cluster ${local.name} has no alias ${alias} registered: ${again(one)} does that.`)),
    ...(nodes.length > 0 ? [] : preflight(`No node of cluster ${local.name} has the role remote_cluster_client.`)),
    ...nodes.flatMap((node) => {
      const agents = agentFindings(node, local).filter(([code]) => !(waitOffline && code === 'agent-offline'));
      if (agents.length > 0) return agents;
      return [...keystoreFindings(node, local.name), ...entryFindings(node, one)];
    }),
  ];
};

/** All that forbids to replace the key of a connection now. */
export const keyRotationFindings = (
  one: KeyRotation,
  { unseen }: KeyRotationFacts,
  waitOffline: boolean,
): readonly Finding[] => {
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
    ...(local ? localFindings(one, local, waitOffline) : []),
  ];
};
