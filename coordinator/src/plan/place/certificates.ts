import type { PlaceRequest } from '@remora/shared/model/place-request.ts';
import { isMostlyOver, wishedLifeMs } from '../certificate-life.ts';
import type { NodeObservation } from '../facts.ts';
import type { WantedNode } from '../node-change.ts';
import { portFiles } from '../placed-files.ts';
import type { CertificateRecord } from '../records.ts';
import { serverSecrets } from '../secret-names.ts';
import { serverKeystoreFile } from '../server-certificate.ts';
import { sslPrefix } from '../ssl.ts';
import type { CertificateIssue } from '../steps.ts';
import type { PlaceFacts } from './facts.ts';
import { certificateWish } from './names.ts';

/** The certificate that a node shall have, and the one that it has if another has to be issued. */
export interface CertificatePlan {
  readonly issue: CertificateIssue;
  readonly isNew: boolean;
  readonly standing: CertificateRecord | undefined;
}

const isCurrent = (record: CertificateRecord, wish: Omit<CertificateIssue, 'p12Secret'>, now: string): boolean =>
  record.ca === wish.ca &&
  wishedLifeMs(record) === wish.validityMs &&
  !isMostlyOver(record, now) &&
  wish.required.every((name) => record.names.includes(name));

export const plannedCertificate = (
  node: NodeObservation,
  request: PlaceRequest,
  facts: PlaceFacts,
  now: string,
): CertificatePlan => {
  const { cluster, purpose, ca } = request;
  const secrets = serverSecrets({ cluster, node: node.name, purpose });
  const standing = facts.certificates.find((record) => record.node === node.name);
  const wish = {
    ...certificateWish(node, facts, request),
    ...{ cluster, node: node.name, purpose, ca },
    path: portFiles[purpose].keystore,
    passwordSecret: standing?.passwordSecret ?? `secret:${secrets.password}@1`,
  };
  if (standing && isCurrent(standing, wish, now))
    return { issue: { ...wish, p12Secret: standing.p12Secret }, isNew: false, standing };
  const version = (facts.secretVersions[secrets.p12] ?? 0) + 1;
  return { issue: { ...wish, p12Secret: `secret:${secrets.p12}@${version}` }, isNew: true, standing };
};

/** What of the settings beside it Elasticsearch does not take together with a PKCS#12 keystore of ours. */
const otherSettings = ['certificate', 'key', 'keystore.type', 'keystore.algorithm'];

/** The file, the settings that name it, and its password. */
export const wantedCertificate = (
  node: NodeObservation,
  issue: CertificateIssue,
): Omit<WantedNode, 'keystorePassword'> => {
  const prefix = sslPrefix[issue.purpose];
  const keyPassword = `${prefix}.keystore.secure_key_password`;
  const entries = node.agent.state === 'online' ? (node.agent.facts.keystore.entries ?? []) : [];
  // Where one is there for the file before, Elasticsearch would try it on ours.
  const hasKeyPassword = entries.some(({ name }) => name === keyPassword);
  return {
    files: [serverKeystoreFile(issue)],
    settings: { [`${prefix}.keystore.path`]: issue.path },
    without: otherSettings.map((name) => `${prefix}.${name}`),
    keystore: {
      [`${prefix}.keystore.secure_password`]: issue.passwordSecret,
      ...(hasKeyPassword ? { [keyPassword]: issue.passwordSecret } : {}),
    },
  };
};
