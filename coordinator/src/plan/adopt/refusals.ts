import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { inCluster, placeOf, standingSettings } from '../connection/alias-place.ts';
import { isByCertificate, isForeign, keyConnections } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { isLiving } from '../keys/cluster-key.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { agentFindings, type Finding, keystoreFindings, nodesAbsent, throwFindings } from '../node/agent-findings.ts';
import { connectingNodes } from '../node/nodes.ts';
import { lacksPrivileges, mayNotAsk } from '../roles/privileges.ts';
import { authorityFindings } from './authority-refusals.ts';
import type { AdoptionFacts } from './facts.ts';
import { foreignKeys, remotesOf, standingOf, usedIds } from './found-key.ts';

const preflight = (message: string | null): Finding[] => (message === null ? [] : [['preflight-failed', message]]);

const listed = (names: readonly string[]): string => names.join(', ');

/** What is not the cluster's own persistent setting cannot be managed: it hides or outlives what is. */
const settingsFindings = ({ alias }: AdoptRequest, { local }: AdoptionFacts): Finding[] => {
  const prefix = `cluster.remote.${alias}.`;
  const transient = Object.keys(local.transient).filter((name) => name.startsWith(prefix));
  const inFiles = local.nodes.flatMap(({ name, agent }) => {
    const values = agent.state === 'online' ? Object.keys(agent.facts.settingsFile.values) : [];
    return values.some((one) => one.startsWith(prefix)) ? [name] : [];
  });
  // Its settings are shown to nobody, but who signs with an encrypted key has the password in the keystore.
  const signing = local.nodes
    .flatMap(({ agent }) => (agent.state === 'online' ? (agent.facts.keystore.entries ?? []) : []))
    .find(({ name, reference }) => name.startsWith(`${prefix}signing.`) && reference === null)?.name;
  const move = `set the same with \`PUT _cluster/settings\` as persistent, then take ${transient.length > 0 ? 'them out of transient (null)' : 'them out there'}.`;
  return [
    ...(transient.length === 0
      ? []
      : [
          [
            'conflict',
            `Cluster ${local.name} has transient settings of the alias ${alias} (${listed(transient)}): ${move}`,
          ] as const,
        ]),
    ...(inFiles.length === 0
      ? []
      : [
          [
            'conflict',
            `elasticsearch.yml of ${listed(inFiles)} (cluster ${local.name}) has settings of the alias ${alias}, which are of that node alone, and Remora takes over what stands in the settings of the cluster: ${move} \`remora connect --static-nodes\` then brings it back to the files, if that is wanted.`,
          ] as const,
        ]),
    ...(signing === undefined
      ? []
      : [
          [
            'conflict',
            `The connection ${local.name}/${alias} signs its requests (${signing} in the keystore), and Remora does not manage strong identity verification of connections that others made yet: leave it as it is, or take the demand away first.`,
          ] as const,
        ]),
    ...(transient.length + inFiles.length > 0 || Object.keys(standingSettings(local, alias)).length > 0
      ? []
      : [
          [
            'not-found',
            `Cluster ${local.name} has no alias ${alias}: \`remora connections list\` shows those that it has.`,
          ] as const,
        ]),
  ];
};

const hasCredential = ({ agent }: NodeObservation, alias: string): boolean =>
  agent.state === 'online' && (agent.facts.keystore.entries ?? []).some(({ name }) => name === credentialEntry(alias));

/** Nodes without a credential were never a part of the connection; without any it is one of the certificate model. */
const credentialFindings = ({ alias }: AdoptRequest, { local }: AdoptionFacts): Finding[] => {
  const nodes = connectingNodes(local, inCluster);
  const without = nodes.filter((node) => !hasCredential(node, alias)).map(({ name }) => name);
  if (without.length === 0) return [];
  return without.length === nodes.length
    ? [
        [
          'conflict',
          `No node of cluster ${local.name} has ${credentialEntry(alias)} in its keystore: the connection ${alias} is one by certificates. \`remora migrate\` brings it to an API key, also as somebody made it by hand.`,
        ],
      ]
    : [
        [
          'conflict',
          `${listed(without)} of cluster ${local.name} ${without.length > 1 ? 'have' : 'has'} no ${credentialEntry(alias)} in the keystore, and the others have: give ${without.length > 1 ? 'them' : 'it'} the same key first (elasticsearch-keystore add, then POST _nodes/reload_secure_settings).`,
        ],
      ];
};

const nodeFindings = ({ local }: AdoptionFacts): Finding[] => {
  const nodes = connectingNodes(local, inCluster);
  return [
    ...preflight(nodesAbsent(local)),
    ...(nodes.length > 0 ? [] : preflight(`No node of cluster ${local.name} has the role remote_cluster_client.`)),
    ...nodes.flatMap((node) => {
      const agents = agentFindings(node, local);
      return agents.length > 0 ? agents : keystoreFindings(node, local.name);
    }),
  ];
};

const clusterFindings = ({ alias }: AdoptRequest, { local, remote }: AdoptionFacts): Finding[] => [
  ...(local.security === 'on' ? [] : preflight(`Security is off on cluster ${local.name}.`)),
  ...preflight(lacksPrivileges(local.name, local.missingPrivileges)),
  ...(remote ? preflight(lacksPrivileges(remote.name, remote.missingPrivileges)) : []),
  ...preflight(mayNotAsk(local, alias)),
];

/** What is broken is mended before it is taken over: nobody could tell otherwise whether that broke it. */
const proofFindings = ({ alias }: AdoptRequest, { local, proof }: AdoptionFacts): Finding[] => {
  const bad = proof.find(({ state }) => state === 'failed');
  return bad === undefined
    ? []
    : preflight(
        `The connection ${local.name}/${alias} does not work from node ${bad.node} now (${bad.error}): mend it first.${bad.hint === null ? '' : ` ${bad.hint}`}`,
      );
};

/** Which cluster it leads to is told by the key. */
const remoteFindings = (request: AdoptRequest, facts: AdoptionFacts): Finding[] => {
  const { used, clusters, remote } = facts;
  const silent = used.filter(({ id }) => id === null);
  const [first] = silent;
  if (first)
    return preflight(
      `Which API key ${listed(silent.map(({ node }) => node))} of cluster ${request.local} ${silent.length > 1 ? 'use' : 'uses'} is not told: the remote cluster names it when it refuses something, and it refused nothing (${first.answer}). A key that grants every index cannot be taken over: give the nodes one that grants less first.`,
    );
  const standing = standingOf(facts, request);
  if (standing && request.remote !== undefined && standing.remote !== request.remote)
    return [
      [
        'conflict',
        `The connection ${request.local}/${request.alias} is managed already, and leads to ${standing.remote}: leave out --remote, or give that name.`,
      ],
    ];
  if (remote) return [];
  const ids = listed(usedIds(used));
  const found = remotesOf(request, facts);
  if (found.length > 1)
    return [
      [
        'bad-input',
        `Clusters ${listed(found)} all know API key ${ids}, which the nodes of ${request.local} use: give --remote NAME.`,
      ],
    ];
  const problems = clusters.flatMap(({ cluster, keys }) =>
    typeof keys === 'string' ? [`${cluster} could not be asked: ${keys}`] : [],
  );
  const what =
    request.remote === undefined
      ? `No cluster that Remora knows has API key ${ids}`
      : `Cluster ${request.remote} does not have API key ${ids}`;
  return [
    [
      'conflict',
      `${what}, which the nodes of ${request.local} use for ${request.alias}${problems.length > 0 ? ` (${problems.join('; ')})` : ''}. Add the remote cluster with \`remora clusters add\` first; one that belongs to somebody else cannot be taken over.`,
    ],
  ];
};

/** One key, which can be made again. */
const keyFindings = (request: AdoptRequest, facts: AdoptionFacts, now: string): Finding[] => {
  if (standingOf(facts, request) || !facts.remote) return [];
  const keys = foreignKeys(facts);
  const [key] = keys;
  const used = facts.used.map(({ node, id }) => `${node}: ${id}`);
  if (keys.length > 1)
    return [
      [
        'conflict',
        `The nodes of cluster ${request.local} use different API keys for ${request.alias} (${listed(used)}): give all of them the same first.`,
      ],
    ];
  if (key?.certificateIdentity != null)
    return [
      [
        'conflict',
        `API key ${key.name} (${key.id}) demands a signature (certificate_identity ${key.certificateIdentity}), and Remora does not manage strong identity verification of connections that others made yet: leave it as it is, or take the demand away first.`,
      ],
    ];
  if (key && !isLiving(key, Date.parse(now)))
    return preflight(`API key ${key.name} (${key.id}) has ended or was invalidated.`);
  return [];
};

/** Somebody else's connection would stop. */
const revokeFindings = (request: AdoptRequest, facts: AdoptionFacts): Finding[] => {
  const ids = [...foreignKeys(facts).map(({ id }) => id), standingOf(facts, request)?.adopted?.key.id];
  const shared = facts.apiKeys.filter(({ id, cluster }) => ids.includes(id) && cluster === facts.remote?.name);
  const other = keyConnections(facts.connections).find(({ keySecret }) =>
    shared.some(({ secret }) => secret === keySecret),
  );
  return request.revokeOld !== true || other === undefined
    ? []
    : [['conflict', `The connection ${other.local}/${other.alias} uses the same API key: leave out --revoke-old.`]];
};

/** What is managed as another kind of connection stays one. */
const foreignFindings = ({ local, alias }: AdoptRequest, { connections }: AdoptionFacts): Finding[] => {
  const record = connections.find((one) => one.local === local && one.alias === alias);
  if (record === undefined) return [];
  if (isByCertificate(record))
    return [
      [
        'conflict',
        `The connection ${local}/${alias} is managed already, as one by certificate: \`remora migrate\` brings it to an API key.`,
      ],
    ];
  if (placeOf(record).kind === 'files')
    return [
      [
        'conflict',
        `The connection ${local}/${alias} is managed already, in elasticsearch.yml of nodes: \`remora connect\` changes it, with --static or without.`,
      ],
    ];
  return isForeign(record)
    ? [
        [
          'conflict',
          `The connection ${local}/${alias} is managed already, as one to ${record.foreign.name}, which others run: \`remora connect\` with --remote-key-file changes it.`,
        ],
      ]
    : [];
};

/** Throws all that forbids it, the first as the message. What could not be looked at because of it is not told too. */
export const refuseAdoption = (request: AdoptRequest, facts: AdoptionFacts, now: string): void => {
  throwFindings([
    ...foreignFindings(request, facts),
    ...settingsFindings(request, facts),
    ...clusterFindings(request, facts),
    ...nodeFindings(facts),
  ]);
  throwFindings(credentialFindings(request, facts));
  throwFindings(proofFindings(request, facts));
  throwFindings([...remoteFindings(request, facts), ...keyFindings(request, facts, now)]);
  throwFindings([...authorityFindings(request, facts), ...revokeFindings(request, facts)]);
};
