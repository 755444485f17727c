import { compareVersions, isAtLeast } from '@remora/shared/model/values/version.ts';
import type { ClusterObservation } from '../../facts.ts';
import { lacksPrivileges, mayNotAsk } from '../../roles/privileges.ts';
import { type Check, eachCluster, eachNode, type PreflightInput } from './preflight-check.ts';

const MINIMUM_VERSION = '8.14.0';

export const securityOn: Check = {
  code: 'preflight-failed',
  demands: 'security is on in both clusters',
  run: (input) =>
    eachCluster(input, (c) =>
      c.security === 'off'
        ? `Security is off on cluster ${c.name}: set xpack.security.enabled: true on every node and restart it.`
        : null,
    ),
};

export const apiKeyServiceOn: Check = {
  code: 'preflight-failed',
  demands: 'the API key service is on in the remote cluster',
  run: ({ facts: { remote } }) =>
    remote.security === 'on' && remote.apiKeyService === 'off'
      ? [
          `The API key service is off on cluster ${remote.name}: remove xpack.security.authc.api_key.enabled: false from its nodes and restart them.`,
        ]
      : [],
};

export const versions: Check = {
  code: 'preflight-failed',
  demands:
    "every node is 8.14 or later, neither cluster is in the middle of an upgrade, and each side's version is one that the other still speaks to",
  run: (input) => {
    const old = eachNode(input, (node, c) =>
      isAtLeast(node.version, MINIMUM_VERSION)
        ? null
        : `Node ${node.name} of cluster ${c.name} is ${node.version}: API keys between clusters need 8.14 or later on every node.`,
    );
    return old.length > 0 ? old : incompatible(input.facts);
  },
};

const mixedVersions = ({ name, nodes }: ClusterObservation): string[] => {
  const found = [...new Set(nodes.map(({ version }) => version))].sort(compareVersions);
  return found.length > 1
    ? [`Cluster ${name} is in the middle of an upgrade (its nodes are ${found.join(' and ')}): finish that first.`]
    : [];
};

/** Why two clusters cannot talk to each other because of their versions, in either model of trust. */
export const incompatible = (clusters: Pick<PreflightInput['facts'], 'local' | 'remote'>): string[] => [
  ...[clusters.remote, clusters.local].flatMap(mixedVersions),
  ...wireCompatibility(clusters),
];

/** "8.14 or later" is not enough: each side must speak a version that the other still understands. */
const wireCompatibility = ({ local, remote }: Pick<PreflightInput['facts'], 'local' | 'remote'>): string[] =>
  [
    [local, remote],
    [remote, local],
  ].flatMap(([a, b]) =>
    a && b && !isAtLeast(a.version, b.minimumWireCompatibility)
      ? [
          `Cluster ${a.name} is ${a.version}, and cluster ${b.name} (${b.version}) speaks to ${b.minimumWireCompatibility} or later only: upgrade ${a.name} first.`,
        ]
      : [],
  );

export const license: Check = {
  code: 'preflight-failed',
  demands: 'both clusters have an active trial or enterprise licence',
  run: (input) =>
    eachCluster(input, (c) =>
      // With security off the licence was not asked for.
      c.security === 'off' || (c.license.active && ['trial', 'enterprise'].includes(c.license.type))
        ? null
        : `The licence of cluster ${c.name} is ${c.license.type}${c.license.active ? '' : ' and not active'}: connections with API keys need an enterprise or trial licence on both sides.`,
    ),
};

export const privileges: Check = {
  code: 'preflight-failed',
  demands:
    "Remora's user has the cluster privileges monitor, manage and manage_security in both clusters, and in the local one remote_indices for the alias",
  run: (input) => {
    const { local } = input.facts;
    const lacks = eachCluster(input, (c) => lacksPrivileges(c.name, c.missingPrivileges));
    return [...lacks, ...(local.security === 'on' ? [mayNotAsk(local, input.request.alias) ?? []].flat() : [])];
  },
};
