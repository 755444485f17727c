import type { ForeignConnectRequest } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { canonicalIp } from '@remora/shared/model/values/address.ts';
import { compareVersions, isAtLeast } from '@remora/shared/model/values/version.ts';
import { inCluster } from '../connection/alias-place.ts';
import { isForeign } from '../connection/connection-records.ts';
import { hiddenAlias, takenAlias } from '../connection/free-alias.ts';
import {
  agentFindings,
  type Finding,
  keystoreFindings,
  nodesAbsent,
  settingsFileUneditable,
  throwFindings,
} from '../node/agent-findings.ts';
import { connectingNodes, fileSetting } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';
import { lacksPrivileges, mayNotAsk } from '../roles/privileges.ts';
import { notPublicProblems, publicTrustProblems, truststoreProblems } from '../trust/public-trust.ts';
import type { ForeignConnectFacts, WayObservation } from './facts.ts';

const MINIMUM_VERSION = '8.14.0';
const LICENCES = ['trial', 'enterprise'];

type Input = { readonly request: ForeignConnectRequest; readonly facts: ForeignConnectFacts; readonly now: string };

const clusterSentences = ({ request, facts: { local } }: Input): string[] => {
  const { name, security, license } = local;
  if (security === 'off')
    return [`Security is off on cluster ${name}: set xpack.security.enabled: true on every node and restart it.`];
  const lacks = [lacksPrivileges(name, local.missingPrivileges), mayNotAsk(local, request.alias)];
  return [
    ...(license.active && LICENCES.includes(license.type)
      ? []
      : [
          `The licence of cluster ${name} is ${license.type}${license.active ? '' : ' and not active'}: connections with API keys need an enterprise or trial licence on both sides.`,
        ]),
    ...lacks.filter((sentence) => sentence !== null),
    ...(connectingNodes(local, inCluster).length > 0
      ? []
      : [
          `No node of cluster ${name} has the role remote_cluster_client, so none can make connections: add it to node.roles.`,
        ]),
  ];
};

const versionSentences = ({ request, facts: { local } }: Input): string[] => {
  const found = [...new Set(local.nodes.map(({ version }) => version))].sort(compareVersions);
  const [oldest] = found;
  if (oldest !== undefined && !isAtLeast(oldest, MINIMUM_VERSION))
    return [
      `Cluster ${local.name} has nodes of ${oldest}: API keys between clusters need 8.14 or later on every node.`,
    ];
  if (found.length > 1)
    return [
      `Cluster ${local.name} is in the middle of an upgrade (its nodes are ${found.join(' and ')}): finish that first.`,
    ];
  const { version } = request;
  return version === undefined || isAtLeast(version, local.minimumWireCompatibility)
    ? []
    : [
        `The remote cluster ${request.name} is ${version}, and cluster ${local.name} (${local.version}) speaks to ${local.minimumWireCompatibility} or later only.`,
      ];
};

const aliasSentences = ({ request, facts: { local, connections } }: Input): string[] => {
  const { alias } = request;
  const hidden = hiddenAlias(local, alias);
  if (hidden.length > 0) return hidden;
  const record = connections.find((one) => one.local === local.name && one.alias === alias);
  if (record === undefined) return takenAlias(local, alias);
  return isForeign(record)
    ? []
    : [
        `The alias ${alias} of cluster ${local.name} is taken: it is Remora's connection to ${record.remote}, whose key Remora makes itself. Choose another alias.`,
      ];
};

const trustSentences = ({ request, facts: { local, connections, given } }: Input): string[] => {
  const off = connectingNodes(local, inCluster).filter(
    (node) => String(fileSetting(node, `${sslPrefix.remote_cluster_client}.enabled`)) === 'false' && given.length === 0,
  );
  return [
    ...off.map(
      ({ name }) =>
        `Node ${name} of cluster ${local.name} connects to remote clusters without TLS (${sslPrefix.remote_cluster_client}.enabled: false): take that setting out and restart the node.`,
    ),
    ...(given.length === 0
      ? notPublicProblems(local)
      : [...truststoreProblems(local), ...publicTrustProblems(connections, local, request)]),
  ];
};

/** Whether the key is kept is looked at when the plan is carried out: what is only shown needs none. */
const keySentences = ({ request: { key }, now }: Input): string[] => {
  return key.expiresAt === undefined || key.expiresAt > now
    ? []
    : [`The key ${key.name ?? key.id} ended at ${key.expiresAt}: have those who run the remote cluster make another.`];
};

const shownLeaf = ({ tls }: WayObservation): string =>
  tls?.leaf
    ? ` It serves ${tls.leaf.subject} by ${tls.leaf.issuer} (${tls.leaf.sans.join(', ') || 'no names'}), until ${tls.leaf.notAfter}.`
    : '';

const untrusted = (way: WayObservation, input: Input): string => {
  const { leaf, error } = way.tls ?? { leaf: null, error: '' };
  const { given } = input.facts;
  const host = way.address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (leaf && leaf.notAfter <= input.now)
    return `Node ${way.node} would be served a certificate at ${way.address} that ended at ${leaf.notAfter} (${leaf.subject}): have those who run the remote cluster renew it.`;
  if (/altname|does not match|Host(?:name)?:/i.test(error))
    return `Node ${way.node} would be served a certificate at ${way.address} that does not name ${canonicalIp(host) ?? host} (${error}).${shownLeaf(way)} Give an address or --server-name that it names.`;
  const by =
    given.length === 0
      ? "a public CA (--remote-ca public): give --remote-ca FILE with the CA of the remote cluster's certificates"
      : `the CA of --remote-ca (${given.map(({ facts }) => facts.subject).join('; ')}): give the one that signed it`;
  return `What is served at ${way.address} is not trusted from node ${way.node} by ${by}. (${error}.)${shownLeaf(way)}`;
};

const waySentences = (input: Input): string[] =>
  input.facts.ways.flatMap((way) => {
    if (way.tcp === 'open') return way.tls?.trusted === true ? [] : [untrusted(way, input)];
    if (way.tcp === 'refused')
      return [
        `Node ${way.node} cannot reach ${way.address}: the connection is refused. Either nothing listens there, or a firewall refuses it: ask those who run the remote cluster whether its remote cluster server is on.`,
      ];
    return [
      way.tcp === 'timeout'
        ? `Node ${way.node} got no answer from ${way.address}: that is what a firewall looks like which drops packets. Open that port for it.`
        : `Node ${way.node} cannot reach ${way.address}: ${way.detail}.`,
    ];
  });

const nodeFindings = ({ facts: { local, given } }: Input): Finding[] => {
  const absent = nodesAbsent(local);
  return [
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
    ...connectingNodes(local, inCluster).flatMap((node) => {
      const uneditable = given.length === 0 ? null : settingsFileUneditable(node, local);
      return [
        ...agentFindings(node, local),
        ...keystoreFindings(node, local.name),
        ...(uneditable === null ? [] : [['settings-file', uneditable] as const]),
      ];
    }),
  ];
};

/** Throws all that forbids it, before anything is changed. */
export const refuse = (input: Input): void => {
  const as = (code: Finding[0], sentences: readonly string[]): Finding[] => sentences.map((one) => [code, one]);
  throwFindings([
    ...as('preflight-failed', [...clusterSentences(input), ...versionSentences(input)]),
    ...nodeFindings(input),
    ...as('conflict', [...aliasSentences(input), ...trustSentences(input)]),
    ...as('bad-input', keySentences(input)),
    ...as('preflight-failed', waySentences(input)),
  ]);
};
