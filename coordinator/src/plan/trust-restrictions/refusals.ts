import {
  cloudDeploymentName,
  type TrustRestrictionsRequest,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import {
  agentFindings,
  type Finding,
  nodesAbsent,
  settingsFileUneditable,
  throwFindings,
} from '../node/agent-findings.ts';
import { fileSetting } from '../node/nodes.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { sslPrefix } from '../node/ssl.ts';
import { storeFindings } from '../place/store.ts';
import { otherFields, restrictionsFile, restrictionsPath } from '../trust/restrictions.ts';
import { isPlainName, letsIn, letsInStrangers, ownPattern } from '../trust/trusted-names.ts';
import { livingAuthorities, wantedAuthorities } from './deployments.ts';
import type { Peer, RestrictingFacts, ServedNames, TrustRestrictionFacts } from './facts.ts';

const prefix = sslPrefix.transport;

export const whereOf = ({ name }: NodeObservation, cluster: ClusterObservation): string =>
  `node ${name} (cluster ${cluster.name})`;

/** What has to hold wherever a node's elasticsearch.yml is changed. */
export const nodeFindings = (node: NodeObservation, cluster: ClusterObservation): Finding[] => {
  const found = agentFindings(node, cluster);
  const uneditable = settingsFileUneditable(node, cluster);
  return found.length > 0 || uneditable === null ? found : [['settings-file', uneditable]];
};

/** Restrictions are on top of certificates that are asked for and verified. */
const tlsFindings = (node: NodeObservation, where: string): Finding[] => {
  const is = (name: string, value: string | boolean, byDefault?: string): boolean =>
    sameSettingValue(fileSetting(node, `${prefix}.${name}`) ?? byDefault, value);
  const wrong = [
    ...(is('enabled', true) ? [] : [`does not say ${prefix}.enabled: true`]),
    ...(is('client_authentication', 'required', 'required')
      ? []
      : [`has ${prefix}.client_authentication other than required`]),
    ...(is('verification_mode', 'none', 'full') ? [`has ${prefix}.verification_mode: none`] : []),
  ];
  return wrong.map((what) => [
    'conflict',
    `elasticsearch.yml of ${where} ${what}: who has no certificate of a trusted CA gets in there, whatever its name. Correct that there first, and restart the node.`,
  ]);
};

const nameFindings = (node: NodeObservation, where: string, { cluster, ports }: TrustRestrictionFacts): Finding[] => {
  const { names, problem } = ports.get(node.name) ?? { names: [], problem: 'it was not looked at' };
  const [first] = names;
  if (problem !== '')
    return [['preflight-failed', `What ${where} serves on its transport port is not known: ${problem}.`]];
  if (first === undefined)
    return [
      [
        'conflict',
        `The certificate on the transport port of ${where} has no name of the kind otherName: with trust restrictions the other nodes would not let it in. Place certificates with such names first: \`remora certs place --cluster ${cluster.name} --purpose transport --ca NAME --cloud-cluster ID --cloud-scope ID\`.`,
      ],
    ];
  return isPlainName(first)
    ? []
    : [
        [
          'conflict',
          `The certificate on the transport port of ${where} has the otherName "${first}", which cannot stand as a pattern that means itself: place one with a name of letters, digits, ".", "-" and "_".`,
        ],
      ];
};

const fieldFindings = (node: NodeObservation, where: string): Finding[] => {
  const fields = otherFields(node);
  return fields.length === 0
    ? []
    : [
        [
          'conflict',
          `elasticsearch.yml of ${where} has trust restrictions look at ${fields.join(', ')} (${prefix}.trust_restrictions.x509_fields) and not at the otherName, by which Remora proves names: take that setting out.`,
        ],
      ];
};

export const clusterFindings = (cluster: ClusterObservation): Finding[] => {
  const absent = nodesAbsent(cluster);
  return [
    ...(cluster.security === 'off'
      ? [
          [
            'conflict',
            `Security is off in cluster ${cluster.name}: it has no TLS. Set xpack.security.enabled: true on every node first, and restart it.`,
          ] as const,
        ]
      : []),
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
  ];
};

/** By whom an organization or a deployment is let in that nobody named. */
const openFindings = ({ allow }: TrustRestrictionsRequest, { deployments }: RestrictingFacts): Finding[] => {
  const [first] = deployments;
  if (first === undefined) return [];
  const strangers = `lets in nodes of organizations that it does not name, and the CA of deployment ${cloudDeploymentName(first)} is that of everybody in its region`;
  return [
    ...allow
      .filter(letsInStrangers)
      .map(
        (pattern): Finding => [
          'bad-input',
          `--allow ${pattern} ${strangers}: have it end with .cluster.ID.account, with the id of an organization.`,
        ],
      ),
    ...deployments
      .filter(({ pattern }) => letsInStrangers(pattern))
      .map(
        (one): Finding => [
          'conflict',
          `Elastic Cloud says that nodes of deployment ${cloudDeploymentName(one)} are named ${one.pattern}, which ${strangers}: it is not trusted.`,
        ],
      ),
  ];
};

/** What forbids to trust the deployments that are asked for, or to go on without one that is trusted. */
const deploymentFindings = (request: TrustRestrictionsRequest, facts: RestrictingFacts, now: string): Finding[] => {
  const { deployments, trusted, cluster } = facts;
  const asked = (request.deployments ?? []).map(cloudDeploymentName);
  return [
    ...openFindings(request, facts),
    ...deployments
      .filter((one) => livingAuthorities(one, now).length === 0)
      .map(
        (one): Finding => [
          'conflict',
          `Elastic Cloud tells no CA of deployment ${cloudDeploymentName(one)} that has not ended.`,
        ],
      ),
    ...trusted
      .map(cloudDeploymentName)
      .filter((name) => !asked.includes(name))
      .map(
        (name): Finding => [
          'conflict',
          `The nodes of ${cluster.name} trust the CA of deployment ${name}, which would be let in no more: give --deployment ${name} too, or take it out first with \`remora trust-restrictions remove ${cluster.name} --deployment ${name}\`.`,
        ],
      ),
  ];
};

const peerFindings = (
  { connection, cluster }: Peer,
  node: string,
  { names, problem }: ServedNames,
  patterns: readonly string[],
): Finding[] => {
  const where = `node ${node} (cluster ${cluster})`;
  if (problem !== '')
    return [['preflight-failed', `What ${where} serves on its transport port is not known: ${problem}.`]];
  if (letsIn(patterns, names)) return [];
  const [first] = names;
  const mend =
    first === undefined
      ? `place certificates with such names there first: \`remora certs place --cluster ${cluster} --purpose transport --ca NAME --cloud-cluster ID --cloud-scope ID\``
      : `let it in with --allow '${ownPattern(first)}'`;
  return [
    [
      'conflict',
      `Connection ${connection} goes by certificates, and ${where} has ${names.join(', ') || 'no name of the kind otherName'}, which no pattern matches: the connection would break. So ${mend}.`,
    ],
  ];
};

/**
 * Throws all that forbids to restrict trust by these patterns: a node that the others do not let in is out of its cluster, and one that connects by certificates is out of its
 * connection.
 */
export const refuseRestrictions = (
  request: TrustRestrictionsRequest,
  facts: RestrictingFacts,
  { patterns, now }: { readonly patterns: readonly string[]; readonly now: string },
): void => {
  const { cluster } = facts;
  throwFindings([
    ...clusterFindings(cluster),
    ...deploymentFindings(request, facts, now),
    ...cluster.nodes.flatMap((node) => {
      const found = nodeFindings(node, cluster);
      if (found.length > 0) return found;
      const where = whereOf(node, cluster);
      return [
        ...tlsFindings(node, where),
        ...fieldFindings(node, where),
        ...reloadFindings(node, cluster),
        ...nameFindings(node, where, facts),
        // A store that holds the CAs already stays as it is, with all that stands in it.
        ...(wantedAuthorities(facts, node, now) === null ? [] : storeFindings(node, where, facts.transport)),
      ];
    }),
    ...facts.peers.flatMap((peer) =>
      [...peer.ports].flatMap(([node, served]) => peerFindings(peer, node, served, patterns)),
    ),
  ]);
};

/** Throws all that forbids to take restrictions out. */
export const refuseRemoval = ({ cluster, trusted }: TrustRestrictionFacts): void =>
  throwFindings([
    ...trusted.map((one): Finding => {
      const name = cloudDeploymentName(one);
      return [
        'conflict',
        `The nodes of ${cluster.name} trust the CA of deployment ${name}, which is that of everybody in its region: without restrictions all of them would be let in. Take it out first with \`remora trust-restrictions remove ${cluster.name} --deployment ${name}\`.`,
      ];
    }),
    ...clusterFindings(cluster),
    ...cluster.nodes.flatMap((node): Finding[] => {
      const found = nodeFindings(node, cluster);
      const path = restrictionsPath(node);
      if (found.length > 0 || path === undefined || path === restrictionsFile) return found;
      return [
        [
          'conflict',
          `${whereOf(node, cluster)} trusts by ${path}, which Remora did not place: take the setting out by hand, or have \`remora trust-restrictions set\` put its own file in the place of that one first.`,
        ],
      ];
    }),
  ]);
