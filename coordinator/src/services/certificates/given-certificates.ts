import { X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { IssuedPurpose } from '@remora/shared/model/certificates/issued-purpose.ts';
import type { AuditDraft } from '../../audit/chain.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { type GivenCertificate, type GivenFiles, type GivenWish, readGiven } from '../../pki/read/read-given.ts';
import { usagesOf } from '../../pki/usages.ts';
import { type Finding, throwFindings } from '../../plan/node/agent-findings.ts';
import type { SigningRequestRecord } from '../../plan/records.ts';
import { lastingCaOf } from './issuing.ts';
import { idOf, type SigningRequestParts, secretOf } from './signing-requests.ts';

/** Certificates with their keys, for ports of the nodes after which they are called. */
export interface GivenCertificates {
  readonly ca: string;
  readonly purpose: IssuedPurpose;
  readonly certificates: readonly GivenFiles[];
  /** They are checked, and none is kept. */
  readonly check?: boolean;
}

/** The common name of a subject in the form of RFC 2253; empty where it has none. */
const commonNameIn = (subject: string): string =>
  /(?:^|,)CN=((?:\\.|[^,+\\])*)/.exec(subject)?.[1]?.replaceAll('\\', '') ?? '';

/** Elasticsearch makes signatures with no other keys, and takes a file with another one without a word. */
const refuseUnusable = (name: string, { certificatePem }: GivenCertificate, purpose: IssuedPurpose): void => {
  const type = new X509Certificate(certificatePem).publicKey.asymmetricKeyType;
  if (purpose === 'remote_signing' && type !== 'rsa' && type !== 'ec')
    throw new RemoraError(
      'bad-input',
      `The key for ${name} is of the kind ${type}: requests are signed with RSA or EC keys.`,
    );
};

/** Reads all of them; throws what is wrong with each. */
const readAll = async (
  certificates: readonly GivenFiles[],
  wish: GivenWish,
  purpose: IssuedPurpose,
  now: Date,
): Promise<{ readonly name: string; readonly given: GivenCertificate }[]> => {
  const findings: Finding[] = [];
  const read = [];
  const twice = certificates.find(({ name }, index) => certificates.findIndex((one) => one.name === name) !== index);
  if (twice) throw new RemoraError('bad-input', `There are two certificates for "${twice.name}".`);
  for (const files of certificates) {
    try {
      const given = await readGiven(files, wish, now);
      refuseUnusable(files.name, given, purpose);
      read.push({ name: files.name, given });
    } catch (error) {
      if (!(error instanceof RemoraError) || certificates.length === 1) throw error;
      findings.push([error.code, error.message]);
    }
  }
  throwFindings(findings);
  return read;
};

/** Files the record, or leaves nothing of it behind: nobody would find the key without it. */
const fileOrDrop = async (
  { inventory, secrets }: SigningRequestParts,
  record: SigningRequestRecord,
  audit: AuditDraft,
): Promise<void> => {
  try {
    await inventory.signingRequests.add(record.id, record, audit);
  } catch (error) {
    // It may have been filed though the answer got lost.
    if ((await inventory.signingRequests.get(record.id)) === null) await secrets.remove(secretOf(record.id));
    throw error;
  }
};

/** Seals the key at once, and files the two under an id of the certificate with its chain, the name and the purpose: given again, they are on record already. */
const keep = async (
  parts: SigningRequestParts,
  ca: string,
  purpose: IssuedPurpose,
  name: string,
  { certificatePem, chainPem, facts: described, privateKeyPem }: GivenCertificate,
  actor: string,
): Promise<string> => {
  const { isCa: _, selfSigned: __, ...facts } = described;
  const chain = chainPem.map((pem) => describeCertificate(pem).fingerprint256);
  const id = idOf(Buffer.from([facts.fingerprint256, ...chain, ca, purpose, name].join('\n')));
  if ((await parts.inventory.signingRequests.get(id)) !== null) return id;
  const record: SigningRequestRecord = {
    ...{ id, name, ca, purpose, commonName: commonNameIn(facts.subject), sans: facts.sans },
    key: await parts.secrets.put(secretOf(id), privateKeyPem),
    ...{ requestedAt: parts.clock().toISOString(), signed: { certificatePem, chainPem, facts } },
  };
  const detail = `"${name}" for ${purpose}, given with its key, until ${facts.notAfter}, serial ${facts.serial}, SHA-256 ${facts.fingerprint256}`;
  await fileOrDrop(parts, record, { actor, action: 'certificate.accept', target: id, detail });
  return id;
};

/** Takes certificates that were made elsewhere: all of them or none (`bad-input`). Answers the ids under which they are on record; none where they are only checked. */
export const keepGiven = async (
  parts: SigningRequestParts,
  { ca: caName, purpose, certificates, check = false }: GivenCertificates,
  actor: string,
): Promise<string[]> => {
  const ca = await lastingCaOf(parts.inventory, caName);
  const wish = { caName: ca.name, caPem: ca.certificatePem, usage: usagesOf[purpose] };
  const read = await readAll(certificates, wish, purpose, parts.clock());
  if (check) return [];
  const ids: string[] = [];
  for (const { name, given } of read) ids.push(await keep(parts, ca.name, purpose, name, given, actor));
  return ids;
};
