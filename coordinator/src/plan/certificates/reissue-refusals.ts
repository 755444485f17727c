import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { agentFindings, type Finding } from '../node/agent-findings.ts';
import { isSecureSettingLoaded } from '../node/loaded.ts';
import { fileSetting } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { CertificateRecord } from '../records.ts';
import { isVersionOf } from './certificate-versions.ts';
import { belowConfig } from './pem.ts';
import type { Reissue } from './reissue.ts';

/** What puts a certificate of Remora back. */
const placedBy = ({ cluster, node, purpose, ca }: CertificateRecord): string =>
  purpose === 'remote_cluster_server'
    ? `\`remora connect\` with the values of a connection to ${cluster}`
    : `\`remora certs place --cluster ${cluster} --node ${node} --purpose ${purpose} --ca ${ca}\``;

/** The files of a certificate: the setting that names each, and what Remora placed there. */
const placedFiles = ({ path, p12Secret, key }: CertificateRecord) =>
  key === undefined
    ? [{ setting: 'keystore.path', path, secret: p12Secret }]
    : [
        { setting: 'certificate', path, secret: p12Secret },
        { setting: 'key', path: key.path, secret: key.secret },
      ];

type Placed = ReturnType<typeof placedFiles>[number];

const fileFinding = (
  record: CertificateRecord,
  { setting, path, secret }: Placed,
  node: NodeObservation,
): Finding | null => {
  if (node.agent.state !== 'online') return null;
  const { files, configDir } = node.agent.facts;
  const named = `${node.name} (cluster ${record.cluster})`;
  const name = `${sslPrefix[record.purpose]}.${setting}`;
  const configured = fileSetting(node, name);
  if (belowConfig(String(configured ?? ''), configDir) !== path)
    return [
      'conflict',
      `elasticsearch.yml of node ${named} names ${configured === undefined ? 'no file' : String(configured)} as ${name} and not ${path}, where Remora placed its certificate: put that back there, and restart the node.`,
    ];
  // Another version of ours: the newest was issued by a run that never placed it.
  const source = files.find((file) => file.path === path)?.source;
  return source == null || !isVersionOf(source, secret)
    ? [
        'conflict',
        `${path} of node ${named} is not what Remora placed there: somebody replaced or removed it. ${placedBy(record)} puts Remora's certificate back.`,
      ]
    : null;
};

/** Only files that are in use, and still what Remora placed, are replaced; what somebody else put there is theirs. */
const fileFindings = (
  { record }: Pick<Reissue, 'record'>,
  cluster: ClusterObservation,
  node: NodeObservation,
): Finding[] => {
  const named = `${node.name} (cluster ${cluster.name})`;
  const [finding] = placedFiles(record).flatMap((file) => {
    const found = fileFinding(record, file, node);
    return found === null ? [] : [found];
  });
  if (finding !== undefined) return [finding];
  return record.purpose === 'remote_cluster_server' && node.remoteClusterServer === null
    ? [
        [
          'preflight-failed',
          `Node ${named} runs without a remote cluster server: restart it with \`remora restart ${cluster.name}\`.`,
        ],
      ]
    : [];
};

/**
 * A file under a password that the process does not have would stand there unread, and keep the node from its next start. A run with new passwords that stopped on its way
 * has them on record for nodes that it never came to.
 */
const passwordFindings = (record: CertificateRecord, node: NodeObservation): Finding[] => {
  if (record.key !== undefined || node.agent.state !== 'online') return [];
  const { entries } = node.agent.facts.keystore;
  // Unknown where the keystore cannot be read: the first password was placed with the first file, and later ones by a restart of their own.
  if (entries === null && (parseSecretReference(record.passwordSecret).version ?? 1) === 1) return [];
  const name = `${sslPrefix[record.purpose]}.keystore.secure_password`;
  const entry = entries?.find((one) => one.name === name);
  if (entry?.reference === record.passwordSecret && isSecureSettingLoaded(node, entry.writtenAtMs)) return [];
  const { cluster, node: named } = record;
  return [
    [
      'conflict',
      `Node ${named} (cluster ${cluster}) does not run with the password of its file (${name}) that is on record: a run with new passwords did not come to it, or somebody set another one. Go on with that run by \`remora runs resume\`, or give new ones with \`remora certs rotate --cluster ${cluster} --node ${named} --new-password\`.`,
    ],
  ];
};

/** What forbids to give a node another certificate: it cannot be looked at, the file there is not what Remora placed, or its password is not the one in use. */
export const reissueFindings = (
  reissue: Pick<Reissue, 'record' | 'cluster' | 'node' | 'unseen'>,
  { newPassword = false }: { readonly newPassword?: boolean | undefined } = {},
): Finding[] => {
  const { record, cluster, node, unseen } = reissue;
  if (unseen !== undefined) return [['cluster-unreachable', unseen]];
  if (cluster === undefined || node === undefined)
    return [
      [
        'preflight-failed',
        `Node ${record.node} is not in cluster ${record.cluster} now: start it, or take it out with \`remora nodes remove\`.`,
      ],
    ];
  const found = agentFindings(node, cluster);
  if (found.length > 0) return found;
  const findings = fileFindings(reissue, cluster, node);
  return findings.length > 0 || newPassword ? findings : passwordFindings(record, node);
};
