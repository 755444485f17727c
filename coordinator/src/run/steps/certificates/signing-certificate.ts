import { RemoraError } from '@remora/shared/errors.ts';
import { parseSubject } from '@remora/shared/model/certificates/distinguished-name.ts';
import type { SignedCertificate } from '../../../pki/check-signed.ts';
import { describeCertificate } from '../../../pki/describe.ts';
import { issueCertificate } from '../../../pki/issue.ts';
import { generateRsaKeyPair } from '../../../pki/keys.ts';
import { elasticsearchName } from '../../../pki/names/elasticsearch-name.ts';
import { newPassword, toPkcs12 } from '../../../pki/pkcs12/pkcs12.ts';
import { leafOfPkcs12 } from '../../../pki/pkcs12/pkcs12-reader.ts';
import { usagesOf } from '../../../pki/usages.ts';
import type { SigningIssue } from '../../../plan/signing/signing-issue.ts';
import { signerId } from '../../../plan/signing/signing-names.ts';
import type { Executor } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';
import { mint, NODE_KEY_BITS, signedElsewhere, signingCa } from './certificates.ts';

interface Source extends Pick<SignedCertificate, 'certificatePem' | 'chainPem'> {
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
}

const signedHere = async (parts: StepParts, wish: SigningIssue): Promise<Source> => {
  const ca = await signingCa(parts, wish);
  const { privateKeyPem, publicKeyPem } = await generateRsaKeyPair(NODE_KEY_BITS);
  const whole = parseSubject(wish.subject);
  const commonName = whole.find(({ part }) => part === 'CN')?.value ?? wish.alias;
  const { certificatePem } = issueCertificate({
    ca: { certificatePem: ca.certificatePem, privateKeyPem: (await parts.secrets.get(ca.key)).toString('utf8') },
    ...{ publicKeyPem, subject: { commonName, whole }, sans: { dns: [], ip: [] } },
    ...{ usage: usagesOf.remote_signing, validityMs: wish.validityMs, now: parts.clock() },
  });
  return { certificatePem, chainPem: [ca.certificatePem], privateKeyPem };
};

/** Mints the PKCS#12 file; answers its certificate. */
const mintFile = async (parts: StepParts, wish: SigningIssue): Promise<string> => {
  const password = (await mint(parts, wish.passwordSecret, newPassword)).toString('utf8');
  const given = wish.given && (await signedElsewhere(parts, wish, wish.given));
  const file = await mint(parts, wish.p12Secret, async () => {
    const source = given
      ? { ...(await given.certificate('')), privateKeyPem: await given.privateKey() }
      : await signedHere(parts, wish);
    return toPkcs12({ ...source, password, friendlyName: wish.alias });
  });
  return given ? (await given.certificate('')).certificatePem : leafOfPkcs12(file, password);
};

/** Makes the file with which a node signs, and files the certificate under the node and the alias. */
export const issueSigningCertificateStep =
  (parts: StepParts): Executor<'signing-certificate.issue'> =>
  async (context, wish) => {
    const id = signerId(wish);
    await rememberBefore(context, () => parts.inventory.signingCertificates.get(id));
    await context.phase(wish.given ? 'making the file' : 'making a key and a certificate');
    await context.checkFence();
    const certificatePem = await mintFile(parts, wish);
    const found = elasticsearchName(certificatePem);
    // The remote cluster compares the subject as text: in another order, or with other escapes, nobody would be let in.
    if (found !== wish.subject)
      throw new RemoraError('internal', `The signing certificate says ${found} instead of ${wish.subject}.`);
    const facts = describeCertificate(certificatePem);
    const { cluster, node, alias, remote, ca, subject, validityMs, p12Secret, passwordSecret } = wish;
    await context.file('signingCertificates', id, {
      ...{ cluster, node, alias, remote, ca, subject, validityMs, p12Secret, passwordSecret, facts },
      ...(wish.given === undefined ? {} : { given: wish.given.request }),
    });
    return { fingerprint256: facts.fingerprint256, notAfter: facts.notAfter };
  };

/** The files that the record names stay sealed, for a rollback of the run. */
export const forgetSigningCertificateStep =
  ({ inventory }: Pick<StepParts, 'inventory'>): Executor<'signing-certificate.forget'> =>
  async (context, place) => {
    const id = signerId(place);
    await rememberBefore(context, () => inventory.signingCertificates.get(id));
    await context.file('signingCertificates', id, null);
    return null;
  };
