import type { CertificateConnectRequest } from '@remora/shared/model/requests/certificate-connect-request.ts';
import { incompatible } from '../connect/preflight/preflight-clusters.ts';
import { inCluster } from '../connection/alias-place.ts';
import { isByCertificate } from '../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import {
  agentFindings,
  type Finding,
  keystoreFindings,
  nodesAbsent,
  settingsFileUneditable,
  throwFindings,
} from '../node/agent-findings.ts';
import { connectingNodes, fileSetting } from '../node/nodes.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { sslPrefix } from '../node/ssl.ts';
import { storeFindings } from '../place/store.ts';
import { lacksPrivileges } from '../roles/privileges.ts';
import type { CertificateConnectFacts, TransportFacts } from './facts.ts';
import { halfWay } from './needed.ts';
import { restrictedFindings } from './restricted.ts';

const PREFIX = sslPrefix.transport;

const clusterFindings = ({ local, remote }: CertificateConnectFacts): Finding[] => {
  const clusters = { local: local.cluster, remote: remote.cluster };
  const each = [clusters.remote, clusters.local].flatMap((cluster): Finding[] => {
    const { name, security, missingPrivileges } = cluster;
    if (security === 'off')
      return [
        [
          'preflight-failed',
          `Security is off on cluster ${name}: set xpack.security.enabled: true on every node and restart it.`,
        ],
      ];
    const lacks = lacksPrivileges(
      name,
      missingPrivileges.filter((privilege) => privilege !== 'manage_security'),
    );
    const absent = nodesAbsent(cluster);
    return [lacks, absent].flatMap((message): Finding[] => (message === null ? [] : [['preflight-failed', message]]));
  });
  return [...each, ...incompatible(clusters).map((message): Finding => ['preflight-failed', message])];
};

const isOn = (node: NodeObservation): boolean =>
  String(fileSetting(node, `${PREFIX}.enabled`) ?? node.settings[`${PREFIX}.enabled`]) === 'true';

/** What has to hold on each node of both clusters: each of them has to trust the other side's CA. */
const transportFindings = (facts: TransportFacts, node: NodeObservation, other: TransportFacts): Finding[] => {
  const { cluster } = facts;
  const found = agentFindings(node, cluster);
  if (found.length > 0 || node.agent.state !== 'online') return found;
  const where = `node ${node.name} (cluster ${cluster.name})`;
  const uneditable = settingsFileUneditable(node, cluster);
  if (uneditable !== null) return [['settings-file', uneditable]];
  if (!isOn(node))
    return [
      [
        'conflict',
        `elasticsearch.yml of ${where} does not say ${PREFIX}.enabled: true: a connection by certificate needs TLS on the transport ports of both clusters. Turn it on first, on all nodes of the cluster.`,
      ],
    ];
  const anchor = facts.anchors.get(node.name) ?? 'it was not looked at';
  const unknown: Finding[] =
    typeof anchor === 'string'
      ? [
          [
            'preflight-failed',
            `Which CA the other cluster would have to trust for the transport port of ${where} is not known: ${anchor}.`,
          ],
        ]
      : [];
  return [
    ...restrictedFindings(node, facts, other),
    ...unknown,
    ...storeFindings(node, where, facts),
    ...reloadFindings(node, cluster),
  ];
};

/** A key in a keystore makes the connection one by API key, whatever port it leads to. */
const credentialFindings = (cluster: ClusterObservation, alias: string): Finding[] => {
  const entry = credentialEntry(alias);
  return cluster.nodes.flatMap((node): Finding[] => {
    const unread = keystoreFindings(node, cluster.name);
    if (unread.length > 0 || node.agent.state !== 'online') return unread;
    return node.agent.facts.keystore.entries?.some(({ name }) => name === entry)
      ? [
          [
            'conflict',
            `The keystore of node ${node.name} (cluster ${cluster.name}) has ${entry}, which makes the connection one by API key: take it out with \`elasticsearch-keystore remove ${entry}\` and reload secure settings, or choose another alias.`,
          ],
        ]
      : [];
  });
};

const aliasFindings = (
  { local: { cluster }, remote, connections }: CertificateConnectFacts,
  alias: string,
): Finding[] => {
  const prefix = `cluster.remote.${alias}.`;
  const transient = Object.keys(cluster.transient).find((name) => name.startsWith(prefix));
  if (transient !== undefined)
    return [
      [
        'conflict',
        `Cluster ${cluster.name} has the transient setting ${transient}, which hides what is configured for good: remove it first (null in transient).`,
      ],
    ];
  const record = connections.find((one) => one.local === cluster.name && one.alias === alias);
  if (record !== undefined) {
    if (record.auth === 'api_key')
      return [
        [
          'conflict',
          `The alias ${alias} of cluster ${cluster.name} is a connection by API key: it stays one, since connections by certificate are deprecated. Choose another alias, or take it apart first with \`remora disconnect ${cluster.name} ${alias}\`.`,
        ],
      ];
    if (isByCertificate(record) && record.migrating) return [['conflict', halfWay(record)]];
    return record.remote === remote.cluster.name
      ? []
      : [
          [
            'conflict',
            `The alias ${alias} of cluster ${cluster.name} is taken: it is Remora's connection to ${record.remote}. Choose another alias.`,
          ],
        ];
  }
  const inFile = cluster.nodes.find(
    ({ agent }) =>
      agent.state === 'online' && Object.keys(agent.facts.settingsFile.values).some((name) => name.startsWith(prefix)),
  );
  const standing = Object.keys(cluster.persistent).some((name) => name.startsWith(prefix));
  return standing || inFile !== undefined
    ? [
        [
          'conflict',
          `The alias ${alias} exists on cluster ${cluster.name} already (in ${standing ? 'its cluster settings' : `elasticsearch.yml of ${inFile?.name}`}) and was not made by Remora: choose another alias, or remove that connection first.`,
        ],
      ]
    : [];
};

/** Nodes listen on their transport ports now: what refuses a connection is no path. */
const pathFindings = ({ paths }: CertificateConnectFacts): Finding[] =>
  paths.flatMap(({ node, address, tcp, detail }): Finding[] =>
    tcp === 'open'
      ? []
      : [
          [
            'preflight-failed',
            tcp === 'timeout'
              ? `Node ${node} got no answer from ${address}: that is what a firewall looks like which drops packets. Open that port for it.`
              : `Node ${node} cannot reach ${address}: ${detail}.`,
          ],
        ],
  );

/** Throws what forbids the connection, all of it. */
export const refuse = ({ alias }: CertificateConnectRequest, facts: CertificateConnectFacts): void => {
  const { local, remote } = facts;
  const nobody: Finding[] =
    connectingNodes(local.cluster, inCluster).length > 0
      ? []
      : [
          [
            'preflight-failed',
            `No node of cluster ${local.cluster.name} has the role remote_cluster_client, so none can make connections: add it to node.roles.`,
          ],
        ];
  throwFindings([
    ...clusterFindings(facts),
    ...nobody,
    ...aliasFindings(facts, alias),
    ...remote.cluster.nodes.flatMap((node) => transportFindings(remote, node, local)),
    ...local.cluster.nodes.flatMap((node) => transportFindings(local, node, remote)),
    ...credentialFindings(local.cluster, alias),
    ...pathFindings(facts),
  ]);
};
