import type { ErrorCode } from '@remora/shared/errors.ts';
import type { ConnectRequest } from '@remora/shared/model/connect-request.ts';
import { compareVersions, isAtLeast } from '@remora/shared/model/version.ts';
import { connectingNodes, fileSetting, files, type ServerWish } from './connect-wanted.ts';
import type { ClusterObservation, ConnectFacts, NodeObservation } from './facts.ts';

export interface PreflightInput {
  readonly facts: ConnectFacts;
  readonly request: ConnectRequest;
  readonly servers: readonly ServerWish[];
}

/** A check that did not hold: which one, and a sentence that says what was found and what to do. */
export interface Finding {
  readonly check: string;
  readonly code: ErrorCode;
  readonly message: string;
}

type Check = { readonly code: ErrorCode; readonly run: (input: PreflightInput) => readonly string[] };

const MINIMUM_VERSION = '8.14.0';
/** Certificates are backdated by 5 minutes: a node whose clock is further behind would refuse a new one. */
const MAX_CLOCK_SKEW_MS = 4 * 60_000;

const both = (input: PreflightInput): readonly ClusterObservation[] => [input.facts.remote, input.facts.local];
const eachCluster = (input: PreflightInput, look: (cluster: ClusterObservation) => string | null): string[] =>
  both(input).flatMap((cluster) => look(cluster) ?? []);
const eachNode = (
  input: PreflightInput,
  look: (node: NodeObservation, cluster: ClusterObservation) => string | null,
): string[] => both(input).flatMap((cluster) => cluster.nodes.flatMap((node) => look(node, cluster) ?? []));

const securityOn: Check = {
  code: 'preflight-failed',
  run: (input) =>
    eachCluster(input, (c) =>
      c.security === 'off'
        ? `Security is off on cluster ${c.name}: set xpack.security.enabled: true on every node and restart it.`
        : null,
    ),
};

const apiKeyServiceOn: Check = {
  code: 'preflight-failed',
  run: ({ facts: { remote } }) =>
    remote.security === 'on' && remote.apiKeyService === 'off'
      ? [
          `The API key service is off on cluster ${remote.name}: remove xpack.security.authc.api_key.enabled: false from its nodes and restart them.`,
        ]
      : [],
};

const versions: Check = {
  code: 'preflight-failed',
  run: (input) => {
    const old = eachNode(input, (node, c) =>
      isAtLeast(node.version, MINIMUM_VERSION)
        ? null
        : `Node ${node.name} of cluster ${c.name} is ${node.version}: API keys between clusters need 8.14 or later on every node.`,
    );
    const mixed = eachCluster(input, (c) => {
      const found = [...new Set(c.nodes.map((node) => node.version))].sort(compareVersions);
      return found.length > 1
        ? `Cluster ${c.name} is in the middle of an upgrade (its nodes are ${found.join(' and ')}): finish that first.`
        : null;
    });
    return old.length > 0 ? old : [...mixed, ...wireCompatibility(input)];
  },
};

/** "8.14 or later" is not enough: each side must speak a version that the other still understands. */
const wireCompatibility = ({ facts: { local, remote } }: PreflightInput): string[] =>
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

const license: Check = {
  code: 'preflight-failed',
  run: (input) =>
    eachCluster(input, (c) =>
      c.license.active && ['trial', 'enterprise'].includes(c.license.type)
        ? null
        : `The licence of cluster ${c.name} is ${c.license.type}${c.license.active ? '' : ' and not active'}: connections with API keys need an enterprise or trial licence on both sides.`,
    ),
};

const privileges: Check = {
  code: 'preflight-failed',
  run: (input) =>
    eachCluster(input, (c) =>
      c.missingPrivileges.length > 0
        ? `The user that Remora has for cluster ${c.name} lacks the cluster privilege${c.missingPrivileges.length > 1 ? 's' : ''} ${c.missingPrivileges.join(', ')}.`
        : null,
    ),
};

const agents: Check = {
  code: 'agent-offline',
  run: (input) =>
    eachNode(input, ({ agent, name }, c) => {
      if (agent.state === 'missing')
        return `Node ${name} of cluster ${c.name} has no agent: make a token with \`remora tokens create --cluster ${c.name}\` and run \`remora agent join\` there.`;
      if (agent.state === 'offline')
        return `The agent of node ${name} (cluster ${c.name}) is offline: start \`remora agent run\` there.`;
      return agent.state === 'failed'
        ? `The agent of node ${name} (cluster ${c.name}) could not look at the node: ${agent.reason}`
        : null;
    }),
};

const sameNode: Check = {
  code: 'wrong-node',
  run: (input) =>
    eachNode(input, ({ agent, name, pid }, c) =>
      agent.state === 'online' && agent.facts.process.pid !== null && agent.facts.process.pid !== pid
        ? `The agent that joined as ${name} of cluster ${c.name} sees a process with id ${agent.facts.process.pid}, but the cluster says that ${name} is process ${pid}: it sits beside a node of another cluster or of another name. Join it again there.`
        : null,
    ),
};

const settingsFiles: Check = {
  code: 'settings-file',
  run: (input) =>
    eachNode(input, ({ agent, name }, c) =>
      agent.state === 'online' && agent.facts.settingsFile.refusal
        ? `elasticsearch.yml of node ${name} (cluster ${c.name}) cannot be edited safely: ${agent.facts.settingsFile.refusal}`
        : null,
    ),
};

const writable: Check = {
  code: 'node-read-only',
  run: (input) =>
    eachNode(input, ({ agent, name }, c) =>
      agent.state === 'online' && agent.facts.configDirRefusal
        ? `The configuration of node ${name} (cluster ${c.name}) cannot be written: ${agent.facts.configDirRefusal}`
        : null,
    ),
};

/** Where the password of a protected keystore is looked for, the node's own first. */
export const keystorePasswordNames = (cluster: string, node: string): readonly string[] => [
  `keystore-password/${cluster}/${node}`,
  `keystore-password/${cluster}`,
];

const keystores: Check = {
  code: 'keystore-password',
  run: (input) =>
    eachNode(input, ({ agent, name }, c) => {
      if (agent.state !== 'online' || !agent.facts.keystore.refusal) return null;
      const names = keystorePasswordNames(c.name, name);
      const known = names.some((secret) => secret in input.facts.secretVersions);
      const todo = known ? 'correct it' : 'store it';
      return `The keystore of node ${name} (cluster ${c.name}) cannot be read: ${agent.facts.keystore.refusal} For a protected keystore ${todo} with \`remora secrets set ${names[1]} --file FILE\` (or ${names[0]} for this node alone).`;
    }),
};

const clocks: Check = {
  code: 'preflight-failed',
  run: (input) =>
    eachNode(input, ({ agent, name }, c) =>
      agent.state === 'online' && Math.abs(agent.clockSkewMs) > MAX_CLOCK_SKEW_MS
        ? `The clock of node ${name} (cluster ${c.name}) is ${Math.round(Math.abs(agent.clockSkewMs) / 1000)} s ${agent.clockSkewMs < 0 ? 'behind' : 'ahead'}: new certificates would not be valid there. Set the clock (NTP) first.`
        : null,
    ),
};

const portsOfOneHost: Check = {
  code: 'preflight-failed',
  run: ({ servers }) => {
    const seen = new Map<string, string>();
    return servers.flatMap(({ node, port }) => {
      if (node.agent.state !== 'online') return [];
      const key = `${node.agent.facts.host.machineId}:${port}`;
      const other = seen.get(key);
      seen.set(key, node.name);
      return other === undefined
        ? []
        : [
            `Nodes ${other} and ${node.name} are on one host and would both listen on port ${port}: give each its own remote_cluster.port in elasticsearch.yml. Without that the second would not start.`,
          ];
    });
  },
};

const aliasFree: Check = {
  code: 'conflict',
  run: ({ facts, request }) => {
    const prefix = `cluster.remote.${request.alias}.`;
    const transient = Object.keys(facts.local.transient).filter((name) => name.startsWith(prefix));
    if (transient.length > 0)
      return [
        `Cluster ${facts.local.name} has the transient setting ${transient[0]}, which hides what is configured for good: remove it first (null in transient).`,
      ];
    const record = facts.connections.find((c) => c.local === facts.local.name && c.alias === request.alias);
    if (record) {
      return record.remote === facts.remote.name
        ? []
        : [
            `The alias ${request.alias} of cluster ${facts.local.name} is taken: it is Remora's connection to ${record.remote}. Choose another alias.`,
          ];
    }
    const standing = Object.keys(facts.local.persistent).some((name) => name.startsWith(prefix));
    const inFile = facts.local.nodes.filter(
      (node) =>
        node.agent.state === 'online' &&
        Object.keys(node.agent.facts.settingsFile.values).some((name) => name.startsWith(prefix)),
    );
    const inKeystore = facts.local.nodes.filter(
      (node) =>
        node.agent.state === 'online' &&
        node.agent.facts.keystore.entries?.some(
          (entry) => entry.name === `${prefix}credentials` && entry.reference === null,
        ),
    );
    if (!standing && inFile.length + inKeystore.length === 0) return [];
    const where = standing
      ? 'its cluster settings'
      : `${inFile.length > 0 ? 'elasticsearch.yml' : 'the keystore'} of ${(inFile[0] ?? inKeystore[0])?.name}`;
    return [
      `The alias ${request.alias} exists on cluster ${facts.local.name} already (in ${where}) and was not made by Remora: choose another alias, or remove that connection first. Taking it over (\`remora adopt\`) comes with a later release.`,
    ];
  },
};

/** Somebody's own certificate on the remote cluster port is not replaced in passing: others may trust its CA. */
const foreignServer: Check = {
  code: 'conflict',
  run: ({ facts }) =>
    facts.remote.nodes.flatMap((node) => {
      const names = ['keystore.path', 'certificate', 'key'].map(
        (name) => `xpack.security.remote_cluster_server.ssl.${name}`,
      );
      const found = names.find(
        (name) => String(fileSetting(node, name) ?? files.serverKeystore) !== files.serverKeystore,
      );
      return found
        ? [
            `Node ${node.name} of cluster ${facts.remote.name} serves the remote cluster port with a certificate of somebody else (${found}: ${String(fileSetting(node, found))}). Remora does not replace it, since others may trust its CA: remove these settings first, or connect through another cluster.`,
          ]
        : [];
    }),
};

const foreignTruststore: Check = {
  code: 'conflict',
  run: ({ facts }) =>
    connectingNodes(facts.local).flatMap((node) => {
      const path = fileSetting(node, 'xpack.security.remote_cluster_client.ssl.truststore.path');
      return path === undefined || path === null
        ? []
        : [
            `Node ${node.name} of cluster ${facts.local.name} trusts remote clusters by a truststore (xpack.security.remote_cluster_client.ssl.truststore.path: ${String(path)}), which Elasticsearch does not take together with certificate_authorities: give its CAs as PEM in certificate_authorities instead.`,
          ];
    }),
};

const pathsOpen: Check = {
  code: 'preflight-failed',
  run: ({ facts, servers }) => {
    const serving = new Set(
      servers.filter(({ node }) => node.remoteClusterServer).map(({ host, port }) => `${host}:${port}`),
    );
    return facts.paths.flatMap(({ node, address, tcp, detail }) => {
      if (tcp === 'open' || tcp === 'refused')
        return tcp === 'refused' && serving.has(address)
          ? [`Node ${node} cannot reach ${address}: the connection is refused although the remote cluster server runs.`]
          : [];
      if (tcp === 'timeout')
        return [
          `Node ${node} got no answer from ${address}: that is what a firewall looks like which drops packets. Open that port for it.`,
        ];
      return [`Node ${node} cannot reach ${address}: ${detail}.`];
    });
  },
};

const someConnect: Check = {
  code: 'preflight-failed',
  run: ({ facts: { local } }) =>
    connectingNodes(local).length > 0
      ? []
      : [
          `No node of cluster ${local.name} has the role remote_cluster_client, so none can make connections: add it to node.roles.`,
        ],
};

const certificateAuthority: Check = {
  code: 'conflict',
  run: ({ facts, request }) => {
    if (request.ca === undefined) return [];
    const others = [...new Set(facts.certificates.map((certificate) => certificate.ca))].filter(
      (ca) => ca !== request.ca,
    );
    return others.length === 0
      ? []
      : [
          `The nodes of cluster ${facts.remote.name} have certificates of CA ${others[0]}, which other connections may trust: leave out --ca, or give --ca ${others[0]}.`,
        ];
  },
};

/** All checks by name, in the order in which people would want to read what they found. */
export const preflightChecks = {
  'security-on': securityOn,
  'api-key-service-on': apiKeyServiceOn,
  versions,
  license,
  privileges,
  agents,
  'agent-beside-its-node': sameNode,
  'settings-file-editable': settingsFiles,
  'configuration-writable': writable,
  'keystore-readable': keystores,
  clocks,
  'roles-connect': someConnect,
  'ports-of-one-host': portsOfOneHost,
  'alias-free-or-ours': aliasFree,
  'server-certificate-ours': foreignServer,
  'trust-by-pem': foreignTruststore,
  'certificate-authority': certificateAuthority,
  'paths-open': pathsOpen,
} as const satisfies Record<string, Check>;

/** Runs every check; an empty list means that the connection can be planned. */
export const preflight = (input: PreflightInput): Finding[] =>
  Object.entries(preflightChecks).flatMap(([check, { code, run }]) =>
    run(input).map((message) => ({ check, code, message })),
  );
