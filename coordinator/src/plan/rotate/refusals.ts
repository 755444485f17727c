import { agentFindings, type Finding, throwFindings } from '../agent-findings.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { fileSetting } from '../nodes.ts';
import type { CaRecord, CertificateRecord } from '../records.ts';
import { isVersionOf } from './chosen.ts';

/** A certificate that is to be replaced, with what is known of its place. */
export interface Rotation {
  readonly record: CertificateRecord;
  readonly cluster: ClusterObservation | undefined;
  readonly node: NodeObservation | undefined;
  readonly ca: CaRecord | undefined;
  /** Why its cluster could not be looked at. */
  readonly unseen: string | undefined;
}

const KEYSTORE_PATH = 'xpack.security.remote_cluster_server.ssl.keystore.path';

const caFinding = ({ record, ca }: Rotation, now: string): Finding[] => {
  const where = `the certificate of node ${record.node} (cluster ${record.cluster})`;
  if (ca === undefined)
    return [['conflict', `CA ${record.ca}, which signed ${where}, is not known any more: import it with its key.`]];
  if (ca.key === null)
    return [
      ['conflict', `The key of CA ${ca.name} is not here, so it cannot sign ${where}: import the CA with its key.`],
    ];
  return ca.facts.notAfter <= now
    ? [['conflict', `CA ${ca.name} ended at ${ca.facts.notAfter}: a certificate of it would be of no use.`]]
    : [];
};

/** Only a file that is in use, and still what Remora placed, is replaced; what somebody else put there is theirs. */
const fileFindings = ({ record }: Rotation, cluster: ClusterObservation, node: NodeObservation): Finding[] => {
  if (node.agent.state !== 'online') return [];
  const named = `${node.name} (cluster ${cluster.name})`;
  const file = node.agent.facts.files.find(({ path }) => path === record.path);
  const configured = fileSetting(node, KEYSTORE_PATH);
  if (configured !== record.path)
    return [
      [
        'conflict',
        `elasticsearch.yml of node ${named} names ${configured === undefined ? 'no file' : String(configured)} as ${KEYSTORE_PATH} and not ${record.path}, where Remora placed its certificate.`,
      ],
    ];
  // Another version of ours: the newest was issued by a run that never placed it.
  if (file?.source == null || !isVersionOf(file.source, record.p12Secret))
    return [
      [
        'conflict',
        `${record.path} of node ${named} is not what Remora placed there: somebody replaced or removed it. \`remora connect\` with the values of a connection to ${cluster.name} puts Remora's certificate back.`,
      ],
    ];
  return node.remoteClusterServer === null
    ? [
        [
          'preflight-failed',
          `Node ${named} runs without a remote cluster server: restart it with \`remora restart ${cluster.name}\`.`,
        ],
      ]
    : [];
};

const nodeFindings = (rotation: Rotation): Finding[] => {
  const { record, cluster, node, unseen } = rotation;
  if (unseen !== undefined) return [['cluster-unreachable', unseen]];
  if (cluster === undefined || node === undefined)
    return [
      [
        'preflight-failed',
        `Node ${record.node} is not in cluster ${record.cluster} now: start it, or take it out with \`remora nodes remove\`.`,
      ],
    ];
  const findings = agentFindings(node, cluster);
  return findings.length > 0 ? findings : fileFindings(rotation, cluster, node);
};

/** Throws all that forbids it, the first as the message. */
export const refuseRotation = (rotations: readonly Rotation[], now: string): void => {
  throwFindings(rotations.flatMap((one) => [...caFinding(one, now), ...nodeFindings(one)]));
};
