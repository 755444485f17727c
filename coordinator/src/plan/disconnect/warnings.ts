import { trustChangeWarnings, trustName } from '../cloud-deployment/local-side.ts';
import { inCluster, standingLines } from '../connection/alias-place.ts';
import { casOf, isByCertificate, isForeign } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { foundOf } from '../node/found-settings.ts';
import { nodeKey } from '../node/node-id.ts';
import { connectingNodes } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { unreplicatedWarning } from '../roll/outages.ts';
import { keptTrustWarnings } from '../signing/signing-off.ts';
import { standingSigners } from '../signing/signing-wish.ts';
import { goneWarnings } from './gone.ts';
import { handMadeAliases } from './hand-made.ts';
import { keptRoleWarnings } from './kept-roles.ts';
import { foreignEntry, standingSettings } from './local.ts';
import { awayOf, hasLines, leftNodes, neighbours, type Scope, servesByUs } from './scope.ts';
import { foreignKeystore, leftByServer } from './server.ts';
import { foreignCas, isKeptForOthers, trustChangedSince } from './trust.ts';

const isAre = (names: readonly string[]): string => `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'}`;

const foreignEntryWarning = (node: string, cluster: string, entry: string): string =>
  `The keystore of node ${node} (cluster ${cluster}) has ${entry} with a value that Remora did not write: it stays. \`elasticsearch-keystore remove ${entry}\` takes it out.`;

/** Lines of the alias that somebody else added: without its address Elasticsearch would not start with them. */
const foreignLineWarning = (scope: Scope, node: NodeObservation): string[] => {
  const { connection, local } = scope.facts;
  const ours = foundOf(connection.found, nodeKey({ cluster: local.name, node: node.name }));
  const lines = hasLines(scope, node) ? Object.keys(standingLines(node, connection.alias)) : [];
  const others = lines.map((name) => `cluster.remote.${connection.alias}.${name}`).filter((name) => !(name in ours));
  return others.length === 0
    ? []
    : [
        `${others.join(', ')} in elasticsearch.yml of node ${node.name} (cluster ${local.name}), which somebody else wrote, ${others.length > 1 ? 'go' : 'goes'} too: a node does not start with settings of an alias that has no address.`,
      ];
};

/** What is somebody else's. */
const foreignWarnings = (scope: Scope): string[] => {
  const { connection, local, remote } = scope.facts;
  const prefix = `cluster.remote.${connection.alias}.`;
  const others = standingSettings(scope).filter((name) => !connection.settings.includes(name.slice(prefix.length)));
  return [
    ...(others.length === 0
      ? []
      : [
          `${others.join(', ')} of cluster ${local.name}, which somebody else set, ${others.length > 1 ? 'go' : 'goes'} too: Elasticsearch takes no setting of an alias without its address.`,
        ]),
    ...local.nodes.flatMap((node) => foreignLineWarning(scope, node)),
    ...local.nodes.flatMap((node) => {
      const entry = foreignEntry(scope, node);
      return entry === null ? [] : [foreignEntryWarning(node.name, local.name, entry)];
    }),
    ...local.nodes.flatMap((node) => {
      const cas = foreignCas(scope, node);
      return cas.length === 0
        ? []
        : [
            `${files.caBundle} of node ${node.name} (cluster ${local.name}) holds ${cas.join(', ')}, which Remora does not know: the file and its settings stay as they are.`,
          ];
    }),
    ...(scope.dropsServer
      ? remote.nodes.flatMap((node) => {
          const path = foreignKeystore(node);
          return path === null
            ? []
            : [
                `Node ${node.name} of cluster ${remote.name} serves the remote cluster port with a certificate of somebody else (${path}): its server stays.`,
              ];
        })
      : []),
    ...(local.nodes.some((node) => isKeptForOthers(scope, node))
      ? [
          `${files.caBundle} stays as it is on the nodes of ${local.name}, with CA ${casOf(connection).join(', ')}: ${handMadeAliases(scope.facts).join(', ')}, which Remora does not manage, may connect by it.`,
        ]
      : []),
  ];
};

/** What somebody changed of what Remora made. */
const changedWarnings = (scope: Scope): string[] => {
  const { local, remote } = scope.facts;
  const told = (node: string, cluster: string, settings: readonly string[]): string[] =>
    settings.length === 0
      ? []
      : [
          `${settings.join(', ')} in elasticsearch.yml of node ${node} (cluster ${cluster}) ${settings.length > 1 ? 'were' : 'was'} changed by somebody since: ${settings.length > 1 ? 'they stay as they are' : 'it stays as it is'}.`,
        ];
  return [
    ...(scope.dropsTrust
      ? local.nodes.flatMap((node) => told(node.name, local.name, trustChangedSince(scope, node)))
      : []),
    ...(scope.dropsServer
      ? remote.nodes.flatMap((node) => {
          const { settings, entries } = leftByServer(scope, node);
          return [
            ...told(node.name, remote.name, settings),
            ...entries.map((entry) => foreignEntryWarning(node.name, remote.name, entry)),
          ];
        })
      : []),
  ];
};

/** Servers that were there before Remora came, or of which it is not on record who turned them on. */
const standingServers = (scope: Scope): string[] => {
  const { facts, request } = scope;
  if (request.keepServer || neighbours(facts).remote.length > 0) return [];
  const ours = servesByUs(facts);
  const names = facts.remote.nodes
    .filter(({ name, remoteClusterServer }) => remoteClusterServer !== null && !ours.includes(name))
    .map(({ name }) => name)
    .sort();
  return names.length === 0
    ? []
    : [
        `The remote cluster server of ${names.join(', ')} (cluster ${facts.remote.name}) stays on: it is not on record that this connection turned it on.`,
      ];
};

/** What stays because of something else, or because it was asked for. */
const keptWarnings = ({ facts, request }: Scope): string[] => {
  const { connection, remote } = facts;
  const takesTrust = request.localGone && !request.keepTrust;
  const others = request.remoteGone ? [] : neighbours(facts).remote;
  const [other] = others;
  const more = others.length > 1 ? ` and ${others.length - 1} more` : '';
  return [
    ...(isForeign(connection) || isByCertificate(connection) || connection.transport === undefined || takesTrust
      ? []
      : [
          `The nodes of ${connection.local} and ${remote.name} go on trusting each other's transport CA, since the connection was one by certificate: \`remora migrate ${connection.local} ${connection.alias} --to api_key --remove-trust\` takes that off before, and nothing does afterwards.`,
        ]),
    ...(other === undefined
      ? []
      : [
          `The remote cluster server of ${remote.name} stays: the connection ${other.local}/${other.alias}${more} uses it.`,
        ]),
    ...(request.keepServer && !request.remoteGone && !isForeign(connection) && other === undefined
      ? [`The remote cluster server of ${remote.name} stays on, with its certificates (--keep-server).`]
      : []),
    ...(request.keepTrust && !request.localGone && neighbours(facts).local.length === 0
      ? [
          `${files.caBundle} and the settings that name it stay on the nodes of ${connection.local} (--keep-trust): they trust CA ${casOf(connection).join(', ')} for connections to remote clusters.`,
        ]
      : []),
  ];
};

const awayWarnings = (scope: Scope): string[] => {
  const { connection, local, remote } = scope.facts;
  const [away, left] = [awayOf(local), leftNodes(scope)];
  const unseen = [
    ...left.local.map((node) => `${node} (cluster ${local.name})`),
    ...left.remote.map((node) => `${node} (cluster ${remote.name})`),
  ];
  return [
    ...(away.length === 0
      ? []
      : [
          `${isAre(away)} away: the keystore there may have the credential until the agent is back.${isForeign(connection) ? '' : ' The API key is invalidated all the same, so nothing gets in with it.'}`,
        ]),
    ...(unseen.length === 0
      ? []
      : [
          `What else the connection has on ${unseen.join(', ')} could not be seen: it stays there, and the connection stays on record, until \`remora disconnect ${connection.local} ${connection.alias}\` is given again when ${unseen.length > 1 ? 'they are' : 'it is'} back.`,
        ]),
  ];
};

const unaskedWarnings = ({ facts: { local }, dropsTrust }: Scope): string[] => {
  const silent = (nodes: readonly NodeObservation[]): string[] =>
    nodes.filter(({ agent }) => agent.state === 'missing').map(({ name }) => name);
  const names = silent(local.nodes);
  const trusting = dropsTrust ? silent(connectingNodes(local, inCluster)) : [];
  const kept =
    trusting.length === 0
      ? ''
      : ` ${files.caBundle} and the settings that name it stay on ${trusting.join(', ')}, if they are there.`;
  return names.length === 0
    ? []
    : [
        `${names.join(', ')} of cluster ${local.name} ${names.length > 1 ? 'have' : 'has'} no agent: whether a keystore there has the API key is not asked.${kept}`,
      ];
};

const signingWarnings = ({ signs, request, facts: { remote, cas, connection, signers } }: Scope): string[] =>
  !signs || request.remoteGone || isForeign(connection)
    ? []
    : keptTrustWarnings(remote, cas, standingSigners({ signers }, connection));

const followerWarnings = ({ facts: { followers, connection } }: Scope): string[] =>
  followers.length === 0
    ? []
    : [`Nothing is replicated any more on cluster ${connection.local} by ${followers.join(', ')} (--leave-followers).`];

const deploymentWarnings = ({ facts: { local, connection } }: Scope): string[] => {
  const { deployment } = local;
  return deployment?.direct.some(({ name }) => name === trustName(connection.alias))
    ? trustChangeWarnings(deployment)
    : [];
};

/** What people should know before they say yes. */
export const warningsOf = (
  scope: Scope,
  restarts: { readonly local: readonly string[]; readonly remote: readonly string[] },
): string[] => [
  ...goneWarnings(scope),
  ...deploymentWarnings(scope),
  ...keptWarnings(scope),
  ...standingServers(scope),
  ...foreignWarnings(scope),
  ...changedWarnings(scope),
  ...awayWarnings(scope),
  ...unaskedWarnings(scope),
  ...signingWarnings(scope),
  ...followerWarnings(scope),
  ...keptRoleWarnings(scope.facts.connection, scope.facts.roles),
  ...unreplicatedWarning(scope.facts.local, restarts.local),
  ...unreplicatedWarning(scope.facts.remote, restarts.remote),
];
