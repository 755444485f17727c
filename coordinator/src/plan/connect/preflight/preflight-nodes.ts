import {
  agentElsewhere,
  agentFailed,
  agentMissing,
  agentOffline,
  configUnwritable,
  nodesAbsent,
  settingsFileUneditable,
} from '../../node/agent-findings.ts';
import { fileSetting } from '../../node/nodes.ts';
import { keystorePasswordNames } from '../../node/secret-names.ts';
import { isPort } from '../wanted.ts';
import { type Check, eachCluster, eachTouchedNode } from './preflight-check.ts';

/** Certificates are backdated by 5 minutes: a node whose clock is further behind would refuse a new one. */
const MAX_CLOCK_SKEW_MS = 4 * 60_000;

export const nodesPresent: Check = {
  code: 'preflight-failed',
  demands: 'every node that has an agent is in its cluster',
  run: (input) => eachCluster(input, nodesAbsent),
};

export const agentsJoined: Check = {
  code: 'agent-missing',
  demands:
    'every node that is touched has an agent: all remote ones, and the local ones with the role remote_cluster_client',
  run: (input) => eachTouchedNode(input, agentMissing),
};

export const agentsOnline: Check = {
  code: 'agent-offline',
  demands: 'their agents are connected',
  run: (input) =>
    eachTouchedNode(input, (node, c) => {
      const message = agentOffline(node, c);
      return (
        message &&
        `${message} --wait-offline does not do for it: a connection is planned from what only the agent can read.`
      );
    }),
};

export const agentsAnswer: Check = {
  code: 'preflight-failed',
  demands: 'their agents could look at their nodes',
  run: (input) => eachTouchedNode(input, agentFailed),
};

export const sameNode: Check = {
  code: 'wrong-node',
  demands: 'each agent sees the process that the cluster says its node is',
  run: (input) => eachTouchedNode(input, agentElsewhere),
};

export const settingsFiles: Check = {
  code: 'settings-file',
  demands: 'elasticsearch.yml of each of these nodes can be edited safely',
  run: (input) => eachTouchedNode(input, settingsFileUneditable),
};

export const writable: Check = {
  code: 'node-read-only',
  demands: 'their configuration directories can be written, with room to spare',
  run: (input) => eachTouchedNode(input, configUnwritable),
};

export const keystores: Check = {
  code: 'keystore-password',
  demands: 'their keystores can be read; a protected one has its password stored',
  run: (input) =>
    eachTouchedNode(input, ({ agent, name }, c) => {
      if (agent.state !== 'online' || !agent.facts.keystore.refusal) return null;
      const names = keystorePasswordNames(c.name, name);
      const known = names.some((secret) => secret in input.facts.secretVersions);
      const todo = known ? 'correct it' : 'store it';
      return `The keystore of node ${name} (cluster ${c.name}) cannot be read: ${agent.facts.keystore.refusal} For a protected keystore ${todo} with \`remora secrets set ${names[1]} --file FILE\` (or ${names[0]} for this node alone).`;
    }),
};

export const clocks: Check = {
  code: 'preflight-failed',
  demands: "their clocks are less than 4 minutes away from the coordinator's",
  run: (input) =>
    eachTouchedNode(input, ({ agent, name }, c) =>
      agent.state === 'online' && Math.abs(agent.clockSkewMs) > MAX_CLOCK_SKEW_MS
        ? `The clock of node ${name} (cluster ${c.name}) is ${Math.round(Math.abs(agent.clockSkewMs) / 1000)} s ${agent.clockSkewMs < 0 ? 'behind' : 'ahead'}: new certificates would not be valid there. Set the clock (NTP) first.`
        : null,
    ),
};

export const portsFixed: Check = {
  code: 'preflight-failed',
  demands: "remote_cluster.port, where a remote node's file has it, is one fixed port",
  run: ({ servers, facts }) =>
    servers
      .filter(({ node, port }) => node.agent.state === 'online' && !isPort(port))
      .map(
        ({ node }) =>
          `Node ${node.name} of cluster ${facts.remote.name} has remote_cluster.port: ${String(fileSetting(node, 'remote_cluster.port'))} in elasticsearch.yml, which does not tell where it will listen: write a fixed port there.`,
      ),
};

export const portsOfOneHost: Check = {
  code: 'preflight-failed',
  demands: 'no two remote nodes on one host have the same remote cluster port',
  run: ({ servers }) => {
    const seen = new Map<string, string>();
    return servers.flatMap(({ node, bindPort: port }) => {
      if (node.agent.state !== 'online' || !isPort(port)) return [];
      const key = `${node.agent.facts.host.machineId}:${port}`;
      const other = seen.get(key);
      seen.set(key, node.name);
      return other === undefined
        ? []
        : [
            `Nodes ${other} and ${node.name} are on one host and would both listen on port ${port}: give each its own remote_cluster.port in elasticsearch.yml. Without that the second would not start.`,
          ];
    });
  },
};
