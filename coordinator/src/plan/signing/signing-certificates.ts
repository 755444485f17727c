import { sayDuration } from '@remora/shared/model/values/duration.ts';
import { isMostlyOver } from '../certificates/certificate-life.ts';
import type { Signed } from '../certificates/given.ts';
import type { Signing } from '../connection/connection-records.ts';
import type { WantedFile } from '../node/node-change.ts';
import type { NodeId } from '../node/node-id.ts';
import { signingKeystore } from '../node/placed-files.ts';
import { signingSecrets } from '../node/secret-names.ts';
import { lastVersion, madeOnce } from '../node/secret-versions.ts';
import type { CaRecord, SigningCertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { comingCa } from '../trust/ca-names.ts';
import type { SigningIssue } from './signing-issue.ts';

type Versions = Readonly<Record<string, number>>;

/** A further version of the file with which a node signs. The password stays, since Elasticsearch reads the one and the other at different times. */
export const newSigningIssue = (
  place: NodeId & { readonly alias: string; readonly remote: string },
  wish: Omit<Signing, 'identity'>,
  versions: Versions,
  given?: Signed,
): SigningIssue => {
  const names = signingSecrets(place);
  const { cluster, node, alias, remote } = place;
  return {
    ...{ cluster, node, alias, remote, ca: wish.ca, subject: wish.subject, validityMs: wish.validityMs },
    p12Secret: `secret:${names.p12}@${lastVersion(versions, names.p12) + 1}`,
    passwordSecret: madeOnce(versions, names.password),
    ...(given === undefined ? {} : { given: { request: given.id, fingerprint256: given.signed.facts.fingerprint256 } }),
  };
};

/**
 * Whether a node's certificate does for what is wished; one of the CA that is taking the place of the other does too. One that was made elsewhere stays until another is
 * given.
 */
export const isCurrentSigner = (
  record: SigningCertificateRecord,
  { ca, subject, validityMs }: Signing,
  cas: readonly CaRecord[],
  now: string,
  given?: Signed,
): boolean => {
  if (record.subject !== subject || ![ca, comingCa(cas, ca)].includes(record.ca)) return false;
  if (given !== undefined) return record.given === given.id && record.ca === ca;
  return record.given !== undefined || (record.validityMs === validityMs && !isMostlyOver(record, now));
};

/** The file as it shall stand on the node. */
export const signerFile = ({ alias, p12Secret }: SigningIssue): WantedFile => ({
  ...{ path: signingKeystore(alias), content: { $secret: p12Secret }, source: p12Secret, digest: null, mode: 0o640 },
  what: `PKCS#12 with the certificate that signs for ${alias} (${p12Secret})`,
});

/** Names of nodes have no comma. */
export const signerStepId = (
  what: string,
  { cluster, node, alias }: Pick<SigningIssue, 'cluster' | 'node' | 'alias'>,
): string => `${what}-${cluster}.${node},${alias}`;

/** The step that makes it. */
export const signerStep = (
  input: SigningIssue,
  standing: SigningCertificateRecord | undefined,
  { reason, stage, given }: { readonly reason: string; readonly stage: string; readonly given?: Signed | undefined },
): AnyStep => ({
  ...{ id: signerStepId('issue-signing-certificate', input), kind: 'signing-certificate.issue', target: input.node },
  ...{ effect: 'none', reason, stage, input },
  diff: [
    ...(standing
      ? [
          `- signing certificate ${standing.subject}`,
          `-   valid from ${standing.facts.notBefore} to ${standing.facts.notAfter}`,
          `-   SHA-256 ${standing.facts.fingerprint256}`,
        ]
      : []),
    `+ signing certificate ${input.subject}`,
    ...(given === undefined
      ? [`+   issued by CA ${input.ca}`, `+   valid for ${sayDuration(input.validityMs)} from its issue`]
      : [
          `+   issued by ${given.signed.facts.issuer}, below CA ${input.ca}`,
          `+   valid from ${given.signed.facts.notBefore} to ${given.signed.facts.notAfter}`,
          `+   SHA-256 ${given.signed.facts.fingerprint256}`,
        ]),
    `+   kept as ${input.p12Secret}`,
  ].join('\n'),
});
