import { loadedLines } from '../connection/alias-place.ts';
import { isByCertificate, isForeign } from '../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { credentialEntry, isKeySecret } from '../keys/key-names.ts';
import {
  agentFindings,
  type Finding,
  keystoreFindings,
  nodesAbsent,
  settingsFileUneditable,
  throwFindings,
} from '../node/agent-findings.ts';
import { files } from '../node/placed-files.ts';
import { lacksPrivileges } from '../roles/privileges.ts';
import { goneFindings } from './gone.ts';
import { handMadeAliases } from './hand-made.ts';
import { type AliasScope, foreignEntry, standingSettings, trustChange } from './local.ts';
import { hasLines, localNodes, type Scope, servesByUs } from './scope.ts';

const FLAG = '--wait-offline TIME takes the credential out of the others now, and goes on when they are back.';

/** What would bring the alias back, or leave it, once the persistent settings are gone: others set it, and they have to take it out. `goes` are nodes where Remora does. */
export const aliasFindings = (
  { facts }: AliasScope,
  goes: (node: NodeObservation) => boolean = () => false,
): Finding[] => {
  const { local, connection } = facts;
  const prefix = `cluster.remote.${connection.alias}.`;
  const transient = Object.keys(local.transient).find((name) => name.startsWith(prefix));
  const hidden: Finding[] =
    transient === undefined
      ? []
      : [
          [
            'conflict',
            `Cluster ${local.name} has the transient setting ${transient}, which Remora did not make and which keeps the alias: remove it first (null in transient).`,
          ],
        ];
  const inFiles = local.nodes.flatMap((node): Finding[] => {
    const { name, agent } = node;
    if (goes(node)) return [];
    const values = agent.state === 'online' ? Object.keys(agent.facts.settingsFile.values) : [];
    const found = values.find((one) => one.startsWith(prefix));
    return found === undefined
      ? []
      : [
          [
            'conflict',
            `elasticsearch.yml of node ${name} (cluster ${local.name}) has ${found}, which Remora did not write and which brings the alias back: take it out there first.`,
          ],
        ];
  });
  return [...hidden, ...inFiles];
};

/** With another credential than Remora's the alias is somebody else's by now, who would lose it. */
const takenOverFindings = (scope: Scope): Finding[] => {
  const { connection } = scope.facts;
  const { local, alias } = connection;
  const stay = isForeign(connection)
    ? ''
    : `; where it is to stay, \`remora api-keys revoke ${local} ${alias}\` ends Remora's key`;
  const { nodes } = scope.facts.local;
  if (standingSettings(scope).length === 0 && !nodes.some((node) => hasLines(scope, node))) return [];
  return scope.facts.local.nodes.flatMap((node): Finding[] => {
    const entry = foreignEntry(scope, node);
    return entry === null
      ? []
      : [
          [
            'conflict',
            `The keystore of node ${node.name} (cluster ${local}) has ${entry} with a value that Remora did not write: the alias ${alias} is somebody else's by now. Where it is to go all the same, take the entry out first with \`elasticsearch-keystore remove ${entry}\`${stay}.`,
          ],
        ];
  });
};

/** The same of a deployment, as far as it can be known: by what is on record of who put the key there. */
const deploymentFindings = ({ facts: { local, connection } }: Scope): Finding[] => {
  const { deployment } = local;
  const { alias } = connection;
  if (deployment === undefined || isForeign(connection) || isByCertificate(connection)) return [];
  const { cloud, id, name, entries, written } = deployment;
  const reference = written[alias];
  if (!entries.includes(credentialEntry(alias)) || (reference !== undefined && isKeySecret(reference, connection)))
    return [];
  return [
    [
      'conflict',
      `The keystore of deployment ${name} has a key for ${alias} that ${reference === undefined ? 'is not on record' : `is another than this connection's (${reference})`}: where it is to go all the same, take it out first with \`remora clouds key ${cloud} ${id} ${alias} --remove\`.`,
    ],
  ];
};

/** Aliases that others made may trust by the CA file that would go. */
const handMadeFindings = (scope: Scope): Finding[] => {
  const { local } = scope.facts;
  const aliases = handMadeAliases(scope.facts);
  const [first] = aliases;
  if (first === undefined || !local.nodes.some((node) => trustChange(scope, node) !== null)) return [];
  return [
    [
      'conflict',
      `Cluster ${local.name} has ${aliases.length > 1 ? 'the aliases' : 'the alias'} ${aliases.join(', ')}, which Remora does not manage and which may connect by ${files.caBundle}: give --keep-trust, or remove ${aliases.length > 1 ? 'them' : 'it'} first, with cluster.remote.${first}.credentials in the keystores.`,
    ],
  ];
};

/** A node without an agent that has read the alias from its elasticsearch.yml: nobody takes it out there, and the key would be gone under it. */
const bareFindings = ({ facts: { local, connection } }: Scope): Finding[] =>
  local.nodes.flatMap((node): Finding[] => {
    const [name] = Object.keys(loadedLines(node, connection.alias)).toSorted();
    return name === undefined || node.agent.state !== 'missing'
      ? []
      : [
          [
            'agent-missing',
            `Node ${node.name} of cluster ${local.name} has cluster.remote.${connection.alias}.${name} from its elasticsearch.yml, and no agent that could take it out: run \`remora agent join\` there, or take out all lines of the alias and restart the node.`,
          ],
        ];
  });

const settingsFileFindings = (node: NodeObservation, cluster: ClusterObservation): Finding[] => {
  const uneditable = settingsFileUneditable(node, cluster);
  return uneditable === null ? [] : [['settings-file', uneditable]];
};

interface Touched {
  readonly cluster: ClusterObservation;
  readonly nodes: readonly NodeObservation[];
  /** Settings of elasticsearch.yml go. */
  readonly edits: boolean;
  readonly waits: boolean;
}

const nodeFindings = ({ cluster, nodes, edits, waits }: Touched): Finding[] => {
  const absent = waits ? null : nodesAbsent(cluster);
  return [
    ...(absent === null ? [] : [['preflight-failed', `${absent} ${FLAG}`] as const]),
    ...nodes.flatMap((node) => [
      ...agentFindings(node, cluster)
        .filter(([code]) => !(waits && code === 'agent-offline'))
        .map(([code, message]): Finding => [code, code === 'agent-offline' ? `${message} ${FLAG}` : message]),
      ...keystoreFindings(node, cluster.name),
      ...(edits ? settingsFileFindings(node, cluster) : []),
    ]),
  ];
};

const clusterFindings = ({ facts: { local, remote } }: Scope): Finding[] =>
  [local, remote].flatMap(({ name, security, missingPrivileges }): Finding[] => {
    if (security === 'off')
      return [
        [
          'preflight-failed',
          `Security is off on cluster ${name}, so the API key could not be invalidated: set xpack.security.enabled: true on every node and restart it.`,
        ],
      ];
    const lacks = lacksPrivileges(name, missingPrivileges);
    return lacks === null ? [] : [['preflight-failed', lacks]];
  });

/** A key is invalidated once agents have said that no keystore has it: without any, the run would remove the alias and then fail. */
const silentFindings = (scope: Scope): Finding[] => {
  const { connection, local, keys } = scope.facts;
  if (local.deployment !== undefined) return [];
  if (
    scope.request.localGone ||
    !keys.some(({ usable }) => usable) ||
    localNodes(scope).length + local.absentNodes.length > 0
  )
    return [];
  return [
    [
      'agent-missing',
      `No node of cluster ${local.name} has an agent that could say whether its keystore has the API key, so that would not be invalidated: end it first with \`remora api-keys revoke ${local.name} ${connection.alias}\`, then give this command again; or join an agent there.`,
    ],
  ];
};

export const followerFindings = ({
  facts: { followers, connection },
  request,
}: Pick<Scope, 'request'> & {
  readonly facts: Pick<Scope['facts'], 'followers'> & {
    readonly connection: { readonly local: string; readonly alias: string };
  };
}): Finding[] =>
  followers.length === 0 || request.leaveFollowers
    ? []
    : [
        [
          'conflict',
          `Cluster ${connection.local} replicates over the alias ${connection.alias}: ${followers.join(', ')}. Unfollow these indices and delete these patterns first, or give --leave-followers: they keep what they have, and follow no more.`,
        ],
      ];

/** Whoever has another key connects through the same server. */
const serverFindings = ({ facts: { otherKeys, remote }, dropsServer }: Scope): Finding[] =>
  otherKeys.length === 0 || !dropsServer
    ? []
    : [
        [
          'conflict',
          `Cluster ${remote.name} has API keys that are not of this connection (${otherKeys.join(', ')}): whoever connects with them would find no remote cluster server any more. Give --keep-server, or invalidate these keys first.`,
        ],
      ];

export const busyFindings = ({
  facts: { busy, connection },
}: {
  readonly facts: Pick<Scope['facts'], 'busy'> & {
    readonly connection: { readonly local: string; readonly alias: string };
  };
}): Finding[] =>
  busy.map(
    (run): Finding => [
      'conflict',
      `The connection ${connection.local}/${connection.alias} is being changed by ${run}: wait until that has ended, or end it with \`remora runs cancel\`.`,
    ],
  );

/** Throws what forbids it, all of it. */
export const refuse = (scope: Scope): void => {
  const { facts, request, dropsTrust, dropsServer, signs } = scope;
  const waits = request.waitOffline === true;
  const isEdited = facts.local.nodes.some((node) => hasLines(scope, node));
  const ours = servesByUs(facts);
  const remoteNodes = signs ? facts.remote.nodes : facts.remote.nodes.filter(({ name }) => ours.includes(name));
  const touchesRemote = dropsServer || (signs && request.remoteGone !== true);
  throwFindings([
    ...goneFindings(scope),
    ...busyFindings(scope),
    ...clusterFindings(scope),
    ...aliasFindings(scope, (node) => hasLines(scope, node)),
    ...bareFindings(scope),
    ...takenOverFindings(scope),
    ...deploymentFindings(scope),
    ...handMadeFindings(scope),
    ...silentFindings(scope),
    ...followerFindings(scope),
    ...serverFindings(scope),
    ...nodeFindings({ cluster: facts.local, nodes: localNodes(scope), edits: dropsTrust || isEdited, waits }),
    ...(touchesRemote ? nodeFindings({ cluster: facts.remote, nodes: remoteNodes, edits: dropsServer, waits }) : []),
  ]);
};
