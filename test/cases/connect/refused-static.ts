import type { RefusalCase } from './runner.ts';
import { standing } from './standing.ts';
import { allRoles, world } from './world.ts';

/** What stands in the way of an alias in elasticsearch.yml of local nodes. */
export const refusedStatic: RefusalCase[] = [
  {
    name: 'nodes that are not there',
    world: () => world({ local: 2 }),
    wish: { staticNodes: ['eu-2', 'us-1', 'eu-9'] },
    code: 'bad-input',
    check: 'static-nodes-connect',
    says: '--static-nodes: cluster eu has no node "us-1". There are eu-1, eu-2.',
    findings: 2,
  },
  {
    name: 'a node that connects to no remote cluster',
    world: () => world({ local: [allRoles, allRoles, ['master', 'data']] }),
    wish: { staticNodes: ['eu-3'] },
    code: 'bad-input',
    check: 'static-nodes-connect',
    says: '--static-nodes: node eu-3 of cluster eu has not the role remote_cluster_client, so it connects to no remote cluster: leave it out',
  },
  {
    name: 'settings of somebody else in those of the cluster, which would win',
    world: standing((made) => {
      made.local.persistent['cluster.remote.us.transport.compress'] = 'true';
    }),
    wish: { staticNodes: 'all' },
    code: 'conflict',
    check: 'static-settings-count',
    says: 'Cluster eu has cluster.remote.us.transport.compress in its settings, which Remora did not write and which would win over elasticsearch.yml: take it out first (null), and give --set',
  },
  {
    name: 'a transient setting, which would win too',
    world: standing(
      (made) => {
        made.local.transient['cluster.remote.us.skip_unavailable'] = 'false';
      },
      { staticNodes: 'all' },
    ),
    wish: { staticNodes: 'all' },
    code: 'conflict',
    check: 'alias-free-or-ours',
    says: 'Cluster eu has the transient setting cluster.remote.us.skip_unavailable, which hides what is configured for good',
  },
  {
    name: 'requests that are signed',
    world: standing(undefined, { certificateIdentity: 'CN=signer,O=x' }),
    wish: { staticNodes: ['eu-2'] },
    code: 'conflict',
    check: 'static-unsigned',
    says: 'Requests over us of cluster eu are signed, and with what stands in the settings of the whole cluster: have nothing signed first',
  },
  {
    name: 'signatures for what stands in files',
    world: standing(undefined, { staticNodes: 'all' }),
    wish: { certificateIdentity: 'CN=signer,O=x' },
    code: 'conflict',
    check: 'static-unsigned',
    says: 'The alias us of cluster eu stands in elasticsearch.yml, and with what nodes sign stands in the settings of the cluster: bring the alias there first',
  },
  {
    name: 'a node that connected and is away, which would keep the credential',
    world: standing((made) => {
      const [node] = made.local.nodes;
      if (node) node.agent = 'offline';
    }),
    wish: { staticNodes: ['eu-2'] },
    code: 'agent-offline',
    check: 'agents-online',
    says: 'eu-1',
  },
];
