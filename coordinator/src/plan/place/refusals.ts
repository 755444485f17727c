import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import { isPem, pemFindings } from '../certificates/pem.ts';
import type { NodeObservation } from '../facts.ts';
import {
  agentFindings,
  type Finding,
  keystoreFindings,
  nodesAbsent,
  settingsFileUneditable,
  throwFindings,
} from '../node/agent-findings.ts';
import { fileSetting } from '../node/nodes.ts';
import { portFiles } from '../node/placed-files.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { CaRecord } from '../records.ts';
import type { PlaceFacts } from './facts.ts';
import { givenFindings } from './given.ts';
import { peerFindings } from './peers.ts';
import { restrictionFindings } from './restricted.ts';
import { serverFindings, trustingFindings } from './servers.ts';
import { storeFindings } from './store.ts';
import { trustsByStore, unknownInBundle } from './trust.ts';

const caFindings = ({ ca: name, given }: PlaceRequest, { cas }: PlaceFacts, now: string): Finding[] => {
  const ca = cas.find((one) => one.name === name);
  if (ca === undefined)
    return [['bad-input', `There is no CA "${name}": make it with \`remora ca create\`, or import it with its key.`]];
  if (ca.key === null && given === undefined)
    return [
      [
        'conflict',
        `The key of CA ${name} is not here, so it cannot sign: import the CA with its key, or give certificates that it signed with --files or --accepted.`,
      ],
    ];
  if (ca.successor !== undefined)
    return [['conflict', `The place of CA ${name} is taken by CA ${ca.successor}: give --ca ${ca.successor}.`]];
  return ca.facts.notAfter <= now
    ? [
        [
          'conflict',
          `CA ${name} ended at ${ca.facts.notAfter}: a certificate of it would be of no use. Give another with --ca.`,
        ],
      ]
    : [];
};

/** What has to hold on each node that is changed. */
const nodeFindings = (node: NodeObservation, request: PlaceRequest, facts: PlaceFacts): Finding[] => {
  const { cluster } = facts;
  const found = agentFindings(node, cluster);
  if (found.length > 0 || node.agent.state !== 'online') return found;
  const where = `node ${node.name} (cluster ${cluster.name})`;
  const uneditable = settingsFileUneditable(node, cluster);
  if (uneditable !== null) return [['settings-file', uneditable]];
  const unread = keystoreFindings(node, cluster.name);
  return unread.length > 0 ? unread : portFindings(node, where, request, facts);
};

const portFindings = (node: NodeObservation, where: string, request: PlaceRequest, facts: PlaceFacts): Finding[] => {
  const prefix = sslPrefix[request.purpose];
  if (request.purpose === 'remote_cluster_server') {
    const found = serverFindings(node, where);
    return found.length > 0 ? found : formFindings(node, where, request, facts);
  }
  if (!sameSettingValue(fileSetting(node, `${prefix}.enabled`), true))
    return [
      [
        'conflict',
        `elasticsearch.yml of ${where} does not say ${prefix}.enabled: true. Remora replaces what a port serves, and does not turn TLS on: others would find the port changed. Turn it on first, with all who use the port.`,
      ],
    ];
  const findings: Finding[] = [];
  if (unknownInBundle(node, request.purpose, facts))
    findings.push([
      'conflict',
      `${portFiles[request.purpose].bundle} of ${where} holds a certificate that Remora does not know: import its CA with \`remora ca import\`, or take it out.`,
    ]);
  if (placedNodes(request, facts).includes(node)) findings.push(...formFindings(node, where, request, facts));
  if (request.purpose === 'http') return findings;
  findings.push(...restrictionFindings(node, where, request, facts));
  const { issuers, problem } = facts.ports.get(node.name) ?? { issuers: [], problem: 'it was not looked at' };
  if (facts.cluster.nodes.some(trustsByStore) && issuers.length === 0)
    findings.push([
      'preflight-failed',
      `Which CA signed what the transport port of ${where} serves is not known (${problem || 'it sends no CA with its certificate'}), and nodes trust it by a truststore: name that CA as a PEM file in ${prefix}.certificate_authorities first.`,
    ]);
  return [...findings, ...storeFindings(node, where, facts)];
};

/** Whether the certificate can stand in files of the form that is wanted. */
const formFindings = (
  node: NodeObservation,
  where: string,
  { cluster, purpose, format }: PlaceRequest,
  { secretVersions }: PlaceFacts,
): Finding[] => {
  if (format === 'pkcs12') return [];
  if (isPem(node, purpose)) return pemFindings(node, purpose, { cluster, secretVersions });
  return format === 'pem'
    ? [
        [
          'conflict',
          `elasticsearch.yml of ${where} names no PEM files as ${sslPrefix[purpose]}.certificate and .key: with --format pem those that stand there are replaced.`,
        ],
      ]
    : [];
};

const httpFindings = ({ purpose, cluster }: PlaceRequest, { trusted }: PlaceFacts): Finding[] =>
  purpose === 'http' && trusted === null
    ? [
        [
          'conflict',
          `The coordinator reaches cluster ${cluster} by the CAs of its own system, and would be cut off by a certificate of another CA: add the cluster with its CA (\`remora clusters add … --ca FILE\`).`,
        ],
      ]
    : [];

/** Nodes of the cluster that the placement changes: all, or the one that is named. Transport certificates have to be trusted by all nodes. */
export const placedNodes = ({ node }: PlaceRequest, { cluster }: PlaceFacts): NodeObservation[] =>
  cluster.nodes.filter(({ name }) => node === undefined || node === name);

/** The CA, once nothing forbids the placement. Throws all findings. */
export const refusePlacement = (request: PlaceRequest, facts: PlaceFacts, now: string): CaRecord => {
  const { cluster, cas } = facts;
  const nodes = placedNodes(request, facts);
  const touched = request.purpose === 'transport' ? cluster.nodes : nodes;
  const absent = nodesAbsent(cluster);
  const unknown: Finding[] =
    nodes.length === 0
      ? [['bad-input', `Cluster ${cluster.name} has no node "${request.node}": see \`remora nodes list\`.`]]
      : [];
  const off: Finding[] =
    cluster.security === 'off'
      ? [
          [
            'conflict',
            `Security is off in cluster ${cluster.name}: it has no TLS. Set xpack.security.enabled: true on every node first, and restart it.`,
          ],
        ]
      : [];
  throwFindings([
    ...unknown,
    ...off,
    ...caFindings(request, facts, now),
    ...givenFindings(nodes, request, facts, now),
    ...trustingFindings(request, facts),
    ...httpFindings(request, facts),
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
    ...peerFindings(request, facts),
    ...touched.flatMap((node) => [...nodeFindings(node, request, facts), ...reloadFindings(node, cluster)]),
  ]);
  return cas.find(({ name }) => name === request.ca) as CaRecord;
};
