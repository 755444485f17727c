import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import type { CertificateIssue } from '../certificates/certificate-issue.ts';
import { isMostlyOver, wishedLifeMs } from '../certificates/certificate-life.ts';
import { givenWish } from '../certificates/given.ts';
import { type PemPlace, pemPlace } from '../certificates/pem.ts';
import { newFileSecrets, passwordEntries, serverFiles } from '../certificates/server-certificate.ts';
import type { NodeObservation } from '../facts.ts';
import type { WantedNode } from '../node/node-change.ts';
import { fileSetting } from '../node/nodes.ts';
import { portFiles } from '../node/placed-files.ts';
import { serverSecrets } from '../node/secret-names.ts';
import { madeOnce } from '../node/secret-versions.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { CertificateRecord } from '../records.ts';
import { otherNamesOf } from '../trust/other-names.ts';
import type { PlaceFacts } from './facts.ts';
import { givenFor } from './given.ts';
import { certificateWish } from './names.ts';

/** The certificate that a node shall have, and the one that it has if another has to be issued. */
export interface CertificatePlan {
  readonly issue: CertificateIssue;
  readonly isNew: boolean;
  readonly standing: CertificateRecord | undefined;
}

type Wish = Omit<CertificateIssue, 'p12Secret' | 'key'>;

/** Where a node's certificate stands: in PEM files where its elasticsearch.yml names such, unless a PKCS#12 file is to take their place. */
const pemOf = (
  node: NodeObservation,
  { cluster, purpose, format }: PlaceRequest,
  facts: PlaceFacts,
): PemPlace | null =>
  format === 'pkcs12' ? null : pemPlace(node, purpose, { cluster, secretVersions: facts.secretVersions });

const isCurrent = (record: CertificateRecord, wish: Wish, pem: PemPlace | null, now: string): boolean =>
  record.path === wish.path &&
  record.key?.path === pem?.key &&
  (record.key?.passphraseSecret ?? null) === (pem?.passphraseSecret ?? null) &&
  record.ca === wish.ca &&
  (wish.given === undefined
    ? wishedLifeMs(record) === wish.validityMs &&
      !isMostlyOver(record, now) &&
      wish.required.every((name) => record.names.includes(name)) &&
      (wish.otherNames ?? []).every((name) => otherNamesOf(record.facts).includes(name))
    : record.facts.fingerprint256 === wish.given.fingerprint256 &&
      // The same certificate with another chain is on record under another id.
      (record.given ?? wish.given.request) === wish.given.request);

export const plannedCertificate = (
  node: NodeObservation,
  request: PlaceRequest,
  facts: PlaceFacts,
  now: string,
): CertificatePlan => {
  const { cluster, purpose, ca } = request;
  const secrets = serverSecrets({ cluster, node: node.name, purpose });
  const pem = pemOf(node, request, facts);
  const given = givenFor(node, request, facts);
  const standing = facts.certificates.find((record) => record.node === node.name);
  const wish = {
    ...(given ? givenWish(node, given) : certificateWish(node, facts, request)),
    ...{ cluster, node: node.name, purpose, ca },
    path: pem?.certificate ?? portFiles[purpose].keystore,
    passwordSecret: standing?.passwordSecret ?? madeOnce(facts.secretVersions, secrets.password),
  };
  if (standing && isCurrent(standing, wish, pem, now)) {
    const { p12Secret, key } = standing;
    return { issue: { ...wish, p12Secret, ...(key === undefined ? {} : { key }) }, isNew: false, standing };
  }
  return { issue: { ...wish, ...newFileSecrets(wish, pem, facts.secretVersions) }, isNew: true, standing };
};

/** What of the settings beside it Elasticsearch does not take together with a PKCS#12 keystore of ours. */
const otherSettings = ['certificate', 'key', 'keystore.type', 'keystore.algorithm'];

/** PEM files under the names that elasticsearch.yml has for them: nothing else changes, unless the process does not know them. */
const wantedPem = (node: NodeObservation, issue: CertificateIssue): Omit<WantedNode, 'keystorePassword'> => {
  const name = `${sslPrefix[issue.purpose]}.certificate`;
  // Of the key's file Elasticsearch does not tell whether it knows it.
  return { files: serverFiles(issue), settings: { [name]: fileSetting(node, name) ?? issue.path }, keystore: {} };
};

/** The files, the settings that name them, and the password of a PKCS#12 file. */
export const wantedCertificate = (
  node: NodeObservation,
  issue: CertificateIssue,
): Omit<WantedNode, 'keystorePassword'> => {
  if (issue.key !== undefined) return wantedPem(node, issue);
  const prefix = sslPrefix[issue.purpose];
  return {
    files: serverFiles(issue),
    settings: { [`${prefix}.keystore.path`]: issue.path },
    without: otherSettings.map((name) => `${prefix}.${name}`),
    keystore: passwordEntries(node, issue),
  };
};
