import type { Reissue } from '../certificates/reissue.ts';
import { reissueFindings } from '../certificates/reissue-refusals.ts';
import { isTrustedBy } from '../cloud-deployment/local-side.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { agentFindings, type Finding, nodesAbsent, throwFindings } from '../node/agent-findings.ts';
import { fileSetting, itemsOf, nodesOf } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { Concerned } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';
import { signingFindings } from './signing-refusals.ts';

const AUTHORITIES = `${sslPrefix.remote_cluster_client}.certificate_authorities`;

const named = ({ name }: NodeObservation, cluster: ClusterObservation): string => `${name} (cluster ${cluster.name})`;

/** The bundle has to be the file that Elasticsearch uses, and to hold nothing that Remora does not know: it would be lost. */
const bundleFindings = (node: NodeObservation, cluster: ClusterObservation, { cas }: CaRotationFacts): Finding[] => {
  if (node.agent.state !== 'online') return [];
  const again = `\`remora connect\` with the values of the connection puts it right.`;
  const authorities = itemsOf(fileSetting(node, AUTHORITIES));
  const file = node.agent.facts.files.find(({ path }) => path === files.caBundle);
  if (!authorities.includes(files.caBundle) || file?.digest == null)
    return [
      [
        'conflict',
        `Node ${named(node, cluster)} does not trust remote clusters by ${files.caBundle}: ${authorities.includes(files.caBundle) ? 'the file is not there' : `elasticsearch.yml names ${authorities.join(', ') || 'no file'} as ${AUTHORITIES}`}. ${again}`,
      ],
    ];
  const known = new Set(cas.map(({ facts }) => facts.fingerprint256));
  const foreign = file.certificates.find(({ fingerprint256 }) => !known.has(fingerprint256));
  return foreign
    ? [
        [
          'conflict',
          `${files.caBundle} of node ${named(node, cluster)} was changed by somebody else: it holds ${foreign.subject} (SHA-256 ${foreign.fingerprint256}), which Remora does not know. Give that CA a file of its own in ${AUTHORITIES}, or \`remora ca import\` it; ${again}`,
        ],
      ]
    : [];
};

const localFindings = (cluster: ClusterObservation, facts: CaRotationFacts, waitOffline: boolean): Finding[] => {
  const absent = nodesAbsent(cluster);
  return [
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
    ...nodesOf(cluster, facts.connections).flatMap((node) => {
      const agents = agentFindings(node, cluster).filter(([code]) => !(waitOffline && code === 'agent-offline'));
      return [...(agents.length > 0 ? agents : bundleFindings(node, cluster, facts)), ...reloadFindings(node, cluster)];
    }),
  ];
};

/** What a node serves that Remora did not make would be cut off with the old CA, or was never trusted by it: nobody can tell. */
const remoteFindings = (cluster: ClusterObservation, { certificates }: CaRotationFacts): Finding[] =>
  cluster.nodes.flatMap((node): Finding[] => {
    if (node.remoteClusterServer === null) return [];
    const isOurs = certificates.some((one) => one.cluster === cluster.name && one.node === node.name);
    return isOurs
      ? reloadFindings(node, cluster)
      : [
          [
            'conflict',
            `Node ${named(node, cluster)} serves the remote cluster port with a certificate that Remora did not make: whether it needs this CA is not known. \`remora connect\` with the values of a connection to ${cluster.name} gives it one.`,
          ],
        ];
  });

/** Of a connection that was taken over the certificates, or what local nodes trust by, are files of others. */
const adoptedFindings = ({ old, connections }: Concerned): Finding[] =>
  connections
    .filter(({ adopted }) => adopted?.server || adopted?.trust)
    .map(({ local, alias }) => [
      'conflict',
      `CA ${old.name} is that of the connection ${local}/${alias}, which was taken over with certificates or CA files that people placed: Remora does not replace these. Have the nodes of ${local} trust the new CA too and replace them where they were made: \`remora adopt ${local} ${alias}\` then puts that on record.`,
    ]);

/** A change of whom a deployment trusts is a plan of Elastic Cloud, which no step of the rotation waits for: people have it trust the new CA beforehand. */
const deploymentFindings = ({ old, next, connections }: Concerned, { clusters }: CaRotationFacts): Finding[] =>
  connections.flatMap(({ local, alias, ca, proxyCa }): Finding[] => {
    const deployment = clusters.find(({ name }) => name === local)?.deployment;
    if (deployment === undefined || ca !== old.name || proxyCa !== undefined) return [];
    if (next.record !== null && isTrustedBy(deployment, [next.record.certificatePem])) return [];
    const { cloud, id, name } = deployment;
    const made = next.record === null ? `\`remora ca create ${next.name}\`, then ` : '';
    return [
      [
        'conflict',
        `Deployment ${name} connects by ${local}/${alias} and does not trust CA ${next.name}: ${made}\`remora clouds trust ${cloud} ${id} ${next.name} --ca ${next.name}\`, then \`remora ca rotate ${old.name} --to ${next.name}\`. The command that made the connection then has it trust that one alone.`,
      ],
    ];
  });

/** A new CA is made without constraints, and would be trusted for more than the old one. */
const constraintFindings = ({ old, next }: Concerned, { like }: CaRotationFacts): Finding[] =>
  next.record === null && like.isConstrained
    ? [
        [
          'conflict',
          `CA ${old.name} may certify some names only, and one that is made in its place could certify any: make it with \`remora ca create --permit …\` and give it with --to.`,
        ],
      ]
    : [];

/** Throws all that forbids it, the first as the message. */
export const refuseCaRotation = (
  concerned: Concerned,
  servers: readonly Reissue[],
  facts: CaRotationFacts,
  waitOffline: boolean,
): void => {
  const { locals, remotes } = concerned;
  const seen = (names: readonly string[]) => facts.clusters.filter(({ name }) => names.includes(name));
  const findings = [
    ...adoptedFindings(concerned),
    ...signingFindings(concerned, facts),
    ...deploymentFindings(concerned, facts),
    ...constraintFindings(concerned, facts),
    ...[...facts.unseen].map(([, problem]): Finding => ['cluster-unreachable', problem]),
    ...servers.filter(({ unseen }) => unseen === undefined).flatMap((one) => reissueFindings(one)),
    ...seen(remotes).flatMap((cluster) => remoteFindings(cluster, facts)),
    ...seen(locals).flatMap((cluster) => localFindings(cluster, facts, waitOffline)),
  ];
  // A node of a cluster that connects and serves is looked at twice.
  const messages = findings.map(([, message]) => message);
  throwFindings(findings.filter(([, message], index) => messages.indexOf(message) === index));
};
