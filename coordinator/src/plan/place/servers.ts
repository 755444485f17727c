import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import { adoptedIn, type ConnectionRecord } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import { fileSetting } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';
import { comingCa } from '../trust/ca-names.ts';
import { unaskedWarnings } from '../trust/port-proof.ts';
import type { PlaceFacts } from './facts.ts';

/** Whether a node serves remote clusters over TLS: what does not serve is set up by `connect`, with all that belongs to it. */
export const serverFindings = (node: NodeObservation, where: string): Finding[] => {
  if (!sameSettingValue(fileSetting(node, 'remote_cluster_server.enabled'), true))
    return [
      [
        'conflict',
        `elasticsearch.yml of ${where} does not say remote_cluster_server.enabled: true: \`remora connect\` turns that on, with --files DIR for certificates that were made elsewhere.`,
      ],
    ];
  const enabled = `${sslPrefix.remote_cluster_server}.enabled`;
  if (!sameSettingValue(fileSetting(node, enabled) ?? true, true))
    return [
      [
        'conflict',
        `elasticsearch.yml of ${where} has TLS off on that port (${enabled}). Remora replaces what a port serves, and does not turn TLS on: others would find the port changed. Turn it on first, with all who connect there.`,
      ],
    ];
  return node.remoteClusterServer === null
    ? [
        [
          'preflight-failed',
          `${where} runs without a remote cluster server: restart it with \`remora restart\`, and look into its log if that does not help.`,
        ],
      ]
    : [];
};

/** What people made is replaced by them, and Remora has it on record then. */
const byHandSentence = ({ local, alias, ca: theirs }: ConnectionRecord, remote: string, ca: string): string =>
  `Cluster ${local} trusts CA ${theirs} in its connection ${alias} to ${remote}, which was taken over as people made it, and not CA ${ca}: give certificates of CA ${theirs} (--ca ${theirs}, with --files DIR where its key is not here); or have the nodes of ${local} trust CA ${ca} too, replace the certificates by hand, and \`remora adopt ${local} ${alias}\` puts that on record.`;

/** Nobody who connects may be served what they do not trust. */
export const trustingFindings = (
  { ca, purpose, given }: PlaceRequest,
  { cluster, connections, cas, certificates, unknownProxies }: PlaceFacts,
): Finding[] => {
  if (purpose !== 'remote_cluster_server') return [];
  // Names on record hold those of the proxies.
  const isNew =
    given !== undefined || cluster.nodes.some((node) => !certificates.some((one) => one.node === node.name));
  const unseen = isNew ? unknownProxies.map((problem): Finding => ['cluster-unreachable', problem]) : [];
  // Before the first certificate of a coming CA was issued everybody was proven to trust it.
  const isServed = certificates.some((one) => one.ca === ca);
  const other = connections.find((one) => one.ca !== ca && !(isServed && comingCa(cas, one.ca) === ca));
  return other === undefined
    ? unseen
    : [
        ...unseen,
        [
          'conflict',
          adoptedIn(other)?.server || adoptedIn(other)?.trust
            ? byHandSentence(other, cluster.name, ca)
            : `Cluster ${other.local} trusts CA ${other.ca} in its connection ${other.alias} to ${cluster.name}, and not CA ${ca}: \`remora ca rotate ${other.ca} --to ${ca}\` has everybody trust that one first.`,
        ],
      ];
};

/** Of nodes that are not asked, and of clusters that nobody knows of. */
export const serverWarnings = ({ cluster, ca }: PlaceRequest, facts: PlaceFacts): string[] => [
  `Clusters that connect to ${cluster} and whose connections Remora does not manage must trust CA ${ca}: which there are cannot be seen from here.`,
  ...facts.unasked,
  ...unaskedWarnings(facts.trust),
];
