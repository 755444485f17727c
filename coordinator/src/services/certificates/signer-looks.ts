import type { NodeCertificates } from '../../observe/certificates/observe-certificates.ts';
import { isOtherVersion } from '../../plan/certificates/certificate-versions.ts';
import { signingKeystore } from '../../plan/node/placed-files.ts';
import type { SigningCertificateRecord } from '../../plan/records.ts';
import { otherSigner } from '../../plan/signing/signing-names.ts';
import { type Finding, type Found, fileOf } from './certificate-looks.ts';

const again = ({ cluster, remote, node, alias, given }: SigningCertificateRecord): string =>
  given === undefined
    ? `\`remora certs rotate --cluster ${cluster} --node ${node}\` places another.`
    : `\`remora connect ${cluster} ${remote} --alias ${alias}\` with the flags of the connection places it.`;

const findingsOf = (node: NodeCertificates, record: SigningCertificateRecord, path: string): Finding[] => {
  const file = fileOf(node, path);
  if (node.facts === null || file?.source === record.p12Secret) return [];
  if (file === undefined || file.digest === null)
    return [
      {
        level: 'critical',
        text: `The file ${path} is missing: Elasticsearch would not find it at the next start of the node, and would take no state of its cluster. ${again(record)}`,
      },
    ];
  const what = isOtherVersion(file, record)
    ? 'A newer one was issued and never placed'
    : `Somebody else put another file in the place of ${path}`;
  return [
    {
      level: 'warning',
      text: `${what}: ${again(record)}`,
    },
  ];
};

/** The certificates with which a node signs, as they are on record: they stand in files with a password, and no port serves them. */
export const lookAtSigners = (node: NodeCertificates, signers: readonly SigningCertificateRecord[]): Found[] =>
  signers.map((record) => {
    const path = signingKeystore(record.alias);
    return {
      ...{ node, purpose: 'remote_cluster_signing', facts: record.facts, path, served: null },
      ...{ chain: [], hosts: [], keyDigest: null, findings: findingsOf(node, record, path) },
      ...(record.given === undefined ? {} : { replacement: otherSigner(record) }),
    };
  });
