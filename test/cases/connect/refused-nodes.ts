import type { RefusalCase } from './runner.ts';
import { changed, nodeOf, world } from './world.ts';

/** What nodes and their agents have to be. */
export const refusedNodes: RefusalCase[] = [
  {
    name: 'a node with an agent that is not in the local cluster',
    world: changed((made) => {
      made.local.absentNodes = ['eu-4'];
    }),
    code: 'preflight-failed',
    check: 'nodes-present',
    says: 'Node eu-4 has an agent and is not in cluster eu: start it, or take out what is gone for good with `remora nodes remove`.',
  },
  {
    name: 'nodes with agents that are not in the remote cluster',
    world: changed((made) => {
      made.remote.absentNodes = ['us-4', 'us-5'];
    }),
    code: 'preflight-failed',
    check: 'nodes-present',
    says: 'Nodes us-4, us-5 have agents and are not in cluster us: start them',
  },
  {
    name: 'a node without agent',
    world: changed((made) => {
      nodeOf(made.remote, 'us-3').agent = 'missing';
    }),
    code: 'agent-missing',
    check: 'agents-joined',
    says: 'Node us-3 of cluster us has no agent: make a token with `remora tokens create --cluster us`',
  },
  {
    name: 'an offline agent',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').agent = 'offline';
    }),
    code: 'agent-offline',
    check: 'agents-online',
    says: 'The agent of node eu-1 (cluster eu) is offline',
  },
  {
    name: 'an agent that answered with an error',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').agent = { failed: 'the disk is on fire' };
    }),
    code: 'preflight-failed',
    check: 'agents-answer',
    says: 'The agent of node us-1 (cluster us) could not look at the node: the disk is on fire',
  },
  {
    name: 'an agent beside another process',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').agentPid = 4711;
    }),
    code: 'wrong-node',
    check: 'agent-beside-its-node',
    says: 'The agent that joined as us-1 of cluster us sees a process with id 4711, but the cluster says that us-1 is process 1001',
  },
  {
    name: 'an agent that sees no process while the cluster has the node',
    world: changed((made) => {
      nodeOf(made.remote, 'us-1').agentPid = null;
    }),
    code: 'wrong-node',
    check: 'agent-beside-its-node',
    says: 'sees no running Elasticsearch, but the cluster says that us-1 is process 1001',
  },
  {
    name: 'an elasticsearch.yml that cannot be edited',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').yml.refusal = 'line 3, column 1: the key a stands twice.';
    }),
    code: 'settings-file',
    check: 'settings-file-editable',
    says: 'elasticsearch.yml of node eu-1 (cluster eu) cannot be edited safely: line 3, column 1',
  },
  {
    name: 'a read-only directory',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').configDirRefusal = '/etc/elasticsearch is on a read-only mount.';
    }),
    code: 'node-read-only',
    check: 'configuration-writable',
    says: 'The configuration of node us-2 (cluster us) cannot be written: /etc/elasticsearch is on a read-only mount.',
  },
  {
    name: 'a keystore password that nobody stored',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').keystore.refusal = 'It is protected by a password.';
    }),
    code: 'keystore-password',
    check: 'keystore-readable',
    says: 'store it with `remora secrets set keystore-password/eu --file FILE` (or keystore-password/eu/eu-1 for this node alone)',
  },
  {
    name: 'a keystore password that is wrong',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').keystore.refusal = 'Provided keystore password was incorrect.';
      made.secretVersions['keystore-password/eu'] = 1;
    }),
    code: 'keystore-password',
    check: 'keystore-readable',
    says: 'correct it with `remora secrets set keystore-password/eu',
  },
  {
    name: 'a clock that is behind',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').clockSkewMs = -300_000;
    }),
    code: 'preflight-failed',
    check: 'clocks',
    says: 'The clock of node us-2 (cluster us) is 300 s behind',
  },
  {
    name: 'a clock that is ahead',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').clockSkewMs = 250_000;
    }),
    code: 'preflight-failed',
    check: 'clocks',
    says: 'is 250 s ahead',
  },
  {
    name: 'no local node connects',
    world: () => world({ local: [['master', 'data']] }),
    code: 'preflight-failed',
    check: 'roles-connect',
    says: 'No node of cluster eu has the role remote_cluster_client',
  },
  {
    name: 'two nodes on one host with one port',
    world: changed((made) => {
      for (const node of made.remote.nodes.slice(0, 2)) node.host.machineId = 'shared';
    }),
    code: 'preflight-failed',
    check: 'ports-of-one-host',
    says: 'Nodes us-1 and us-2 are on one host and would both listen on port 9443: give each its own remote_cluster.port',
  },
  ...[0, 'no-number', `$${'{PORT}'}`].map((port) => ({
    name: `remote_cluster.port: ${port}, which tells no port`,
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').yml.values['remote_cluster.port'] = port;
    }),
    code: 'preflight-failed' as const,
    check: 'ports-fixed',
    says: `Node us-2 of cluster us has remote_cluster.port: ${port} in elasticsearch.yml, which does not tell where it will listen`,
  })),
];
