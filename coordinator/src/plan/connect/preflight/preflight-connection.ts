import { belowConfig } from '../../certificates/pem.ts';
import { adoptedOf } from '../../connection/adopted.ts';
import { inCluster } from '../../connection/alias-place.ts';
import type { ConnectFacts, NodeObservation } from '../../facts.ts';
import { connectingNodes, fileSetting } from '../../node/nodes.ts';
import { files } from '../../node/placed-files.ts';
import { sslPrefix } from '../../node/ssl.ts';
import type { CaRecord } from '../../records.ts';
import { caNameOf, comingCa, lostCa, signingCa } from '../../trust/ca-names.ts';
import { publicTrustProblems, truststoreProblems } from '../../trust/public-trust.ts';
import { givenFor } from '../given.ts';
import { standingKey } from '../key/key.ts';
import { isLeft } from '../left.ts';
import type { Check, PreflightInput } from './preflight-check.ts';

/** Elasticsearch can move the end of a key, but not take it away. */
export const keyEnd: Check = {
  code: 'preflight-failed',
  demands: 'a key that ends is not asked to live without end, which Elasticsearch cannot do',
  run: ({ facts, request }) => {
    const key = standingKey(facts, request)?.record;
    return !key || key.expiresAtMs === null || request.expires !== undefined
      ? []
      : [
          `The key of this connection (${key.name}) ends on ${new Date(key.expiresAtMs).toISOString()}, and Elasticsearch cannot take the end of a key away: give --expires with how long it shall live from now.`,
        ];
  },
};

/** Whether a setting of a node's file names a file, and another than this one. */
const namesOther = (node: NodeObservation, name: string, path: string | undefined): boolean => {
  const value = fileSetting(node, name) ?? null;
  if (value === null || node.agent.state !== 'online') return false;
  return path === undefined || belowConfig(String(value), node.agent.facts.configDir) !== path;
};

/** Somebody's own certificate on the remote cluster port is not replaced in passing: others may trust its CA. */
export const foreignServer: Check = {
  code: 'conflict',
  demands: 'the remote cluster port serves no certificate that somebody else placed',
  run: ({ facts, request }) =>
    facts.remote.nodes.flatMap((node) => {
      if (isLeft(node, { facts, request })) return [];
      const own = facts.certificates.find((record) => record.node === node.name);
      const ours: Readonly<Record<string, string | undefined>> = own?.key
        ? { certificate: own.path, key: own.key.path }
        : { 'keystore.path': files.serverKeystore };
      const found = ['keystore.path', 'certificate', 'key']
        .map((name) => ({ name: `${sslPrefix.remote_cluster_server}.${name}`, path: ours[name] }))
        .find(({ name, path }) => namesOther(node, name, path));
      return found
        ? [
            `Node ${node.name} of cluster ${facts.remote.name} serves the remote cluster port with a certificate of somebody else (${found.name}: ${String(fileSetting(node, found.name))}). Remora does not replace it in passing, since others may trust its CA: \`remora certs place --purpose remote_cluster_server\` does; or remove these settings first.`,
          ]
        : [];
    }),
};

export const foreignTruststore: Check = {
  code: 'conflict',
  demands:
    'no local node trusts remote clusters by a truststore, which Elasticsearch does not take together with PEM files',
  run: ({ facts, request }) => (adoptedOf(facts, request)?.trust ? [] : truststoreProblems(facts.local)),
};

export const publicTrust: Check = {
  code: 'conflict',
  demands:
    "no other connection of the local cluster lives on Java's public CAs, which a CA file takes the place of on its nodes",
  run: ({ facts, request }) =>
    adoptedOf(facts, request)?.trust ? [] : publicTrustProblems(facts.connections, facts.local, request),
};

export const someConnect: Check = {
  code: 'preflight-failed',
  demands: 'at least one local node has the role remote_cluster_client',
  run: ({ facts: { local } }) =>
    connectingNodes(local, inCluster).length > 0 || local.deployment !== undefined
      ? []
      : [
          `No node of cluster ${local.name} has the role remote_cluster_client, so none can make connections: add it to node.roles.`,
        ],
};

/** The CAs that sign for remote nodes which have no certificate, and get none that was made elsewhere. */
const signers = ({ facts, request }: PreflightInput): CaRecord[] => {
  const ca = caNameOf(facts, request);
  const bare = facts.remote.nodes.filter(
    (node) =>
      !facts.certificates.some((record) => record.node === node.name) &&
      !givenFor(node, request, facts) &&
      !isLeft(node, { facts, request }),
  );
  const names = new Set(bare.map(() => signingCa(facts, ca)));
  return facts.cas.filter(({ name }) => names.has(name));
};

/** CAs of the remote nodes' certificates that are neither this one, nor take its place, nor it theirs. */
const otherCas = ({ certificates, cas }: ConnectFacts, ca: string): string[] =>
  [...new Set(certificates.map((certificate) => certificate.ca))].filter(
    (one) => one !== ca && comingCa(cas, one) !== ca && comingCa(cas, ca) !== one,
  );

export const certificateAuthority: Check = {
  code: 'conflict',
  demands:
    "the CA that is asked for can sign, is neither retired nor ended, and is the one that all of the remote nodes' certificates have",
  run: (input) => {
    const { facts, request, now } = input;
    const { name: remote } = facts.remote;
    const name = caNameOf(facts, request);
    if (adoptedOf(facts, request) !== undefined && facts.certificates.length === 0 && (request.ca ?? name) !== name)
      return [
        `The nodes of cluster ${remote} serve certificates that people placed, of CA ${name}: leave out --ca, or give --ca ${name}.`,
      ];
    if (request.given !== undefined && !facts.cas.some((ca) => ca.name === name))
      return [`There is no CA "${request.ca}": import the one that signed the certificates with \`remora ca import\`.`];
    const [lost] = lostCa(name, facts);
    if (lost !== undefined) return [`--ca: ${lost}`];
    const [signer] = signers(input);
    if (signer?.key === null && request.given === undefined && adoptedOf(facts, request)?.server)
      return [
        `Nodes of cluster ${remote} do not serve remote clusters as their neighbours do, whose certificates people placed, and the key of CA ${signer.name} is not here: set them up as these are, or give certificates of it with --ca ${signer.name} --files DIR.`,
      ];
    if (signer?.key === null && request.given === undefined)
      return [
        `The key of CA ${signer.name} is not here, so it cannot sign certificates for cluster ${remote}: choose another with --ca, or give certificates that it signed with --files or --accepted.`,
      ];
    if (signer?.retiredAt !== undefined && facts.certificates.length === 0)
      return [`CA ${signer.name} is retired, and ${signer.successor} took its place: give --ca ${signer.successor}.`];
    if (signer !== undefined && signer.facts.notAfter <= now)
      return [
        `CA ${signer.name} ended at ${signer.facts.notAfter}: what it signs for cluster ${remote} would be trusted by nobody. Choose another with --ca, or replace it with \`remora ca rotate ${signer.name}\`.`,
      ];
    const [other] = otherCas(facts, request.ca ?? name);
    if (other === undefined) return [];
    return request.ca === undefined
      ? [
          `Some nodes of cluster ${remote} have certificates of CA ${name}, others of CA ${other}: have one sign all of them first, with \`remora certs place --cluster ${remote} --purpose remote_cluster_server --ca NAME\`.`,
        ]
      : [
          `The nodes of cluster ${remote} have certificates of CA ${other}, which other connections may trust: leave out --ca, or give --ca ${other}.`,
        ];
  },
};
