import { type ErrorCode, RemoraError } from '@remora/shared/errors.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { keystorePasswordNames } from './secret-names.ts';

/** What may be wrong with a node's agent before anything is asked of it: a sentence that says so and what to do, or null. */
export type AgentFinding = (
  node: Pick<NodeObservation, 'name' | 'pid' | 'agent'>,
  cluster: Pick<ClusterObservation, 'name'>,
) => string | null;

export const agentMissing: AgentFinding = ({ agent, name }, c) =>
  agent.state === 'missing'
    ? `Node ${name} of cluster ${c.name} has no agent: make a token with \`remora tokens create --cluster ${c.name}\` and run \`remora agent join\` there.`
    : null;

export const agentOffline: AgentFinding = ({ agent, name }, c) =>
  agent.state === 'offline'
    ? `The agent of node ${name} (cluster ${c.name}) is offline: start \`remora agent run\` there.`
    : null;

export const agentFailed: AgentFinding = ({ agent, name }, c) =>
  agent.state === 'failed'
    ? `The agent of node ${name} (cluster ${c.name}) could not look at the node: ${agent.reason}`
    : null;

const processSeen = (pid: number | null): string =>
  pid === null ? 'sees no running Elasticsearch' : `sees a process with id ${pid}`;

export const agentElsewhere: AgentFinding = ({ agent, name, pid }, c) =>
  agent.state === 'online' && agent.facts.process.pid !== pid
    ? `The agent that joined as ${name} of cluster ${c.name} ${processSeen(agent.facts.process.pid)}, but the cluster says that ${name} is process ${pid}: it sits beside a node of another cluster or of another name. Join it again there.`
    : null;

export const configUnwritable: AgentFinding = ({ agent, name }, c) =>
  agent.state === 'online' && agent.facts.configDirRefusal
    ? `The configuration of node ${name} (cluster ${c.name}) cannot be written: ${agent.facts.configDirRefusal}`
    : null;

export const settingsFileUneditable: AgentFinding = ({ agent, name }, c) =>
  agent.state === 'online' && agent.facts.settingsFile.refusal
    ? `elasticsearch.yml of node ${name} (cluster ${c.name}) cannot be edited safely: ${agent.facts.settingsFile.refusal}`
    : null;

/** What forbids something, with the code of the error that says so. */
export type Finding = readonly [ErrorCode, string];

/** Why entries of a node's keystore cannot be changed: it is protected, and its password is not known or another one. */
export const keystoreFindings = ({ name, agent }: NodeObservation, cluster: string): Finding[] => {
  if (agent.state !== 'online' || !agent.facts.keystore.refusal) return [];
  const [, secret] = keystorePasswordNames(cluster, name);
  return [
    [
      'keystore-password',
      `The keystore of node ${name} (cluster ${cluster}) cannot be read: ${agent.facts.keystore.refusal} For a protected keystore store its password with \`remora secrets set ${secret} --file FILE\`.`,
    ],
  ];
};

/** Throws all findings as one error, the first as its message; nothing when there are none. */
export const throwFindings = (findings: readonly Finding[]): void => {
  const [first] = findings;
  if (!first) return;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  throw new RemoraError(first[0], `${first[1]}${more}`, { findings: findings.map(([, message]) => message) });
};

/** Everything of these that forbids to change a node, each with its code. */
export const agentFindings = (
  node: Pick<NodeObservation, 'name' | 'pid' | 'agent'>,
  cluster: Pick<ClusterObservation, 'name'>,
): Finding[] =>
  (
    [
      ['agent-missing', agentMissing],
      ['agent-offline', agentOffline],
      ['preflight-failed', agentFailed],
      ['wrong-node', agentElsewhere],
      ['node-read-only', configUnwritable],
    ] as const
  ).flatMap(([code, find]) => {
    const message = find(node, cluster);
    return message === null ? [] : [[code, message] as const];
  });

/** What the cluster does not list cannot be looked at: it would come back without what the others got. */
export const nodesAbsent = ({ name, absentNodes }: ClusterObservation): string | null =>
  absentNodes.length === 0
    ? null
    : `${absentNodes.length === 1 ? `Node ${absentNodes[0]} has an agent and is` : `Nodes ${absentNodes.join(', ')} have agents and are`} not in cluster ${name}: start ${absentNodes.length === 1 ? 'it' : 'them'}, or take out what is gone for good with \`remora nodes remove\`.`;

/** The same of one node, behind its name; `unknown` is what nobody can tell without it. */
export const notInCluster = (unknown = ''): string =>
  `has an agent and is not in the cluster${unknown}: start it, or take it out with \`remora nodes remove\``;
