import { RemoraError } from '@remora/shared/errors.ts';
import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import { selfSignCa } from '../../../pki/ca.ts';
import { describeCertificate } from '../../../pki/describe.ts';
import { issueCertificate } from '../../../pki/issue.ts';
import { generateRsaKeyPair, publicHalfOf } from '../../../pki/keys.ts';
import { fromPemKey, toPemKey } from '../../../pki/pem-pair.ts';
import { newPassword, toPkcs12 } from '../../../pki/pkcs12/pkcs12.ts';
import { leafOfPkcs12 } from '../../../pki/pkcs12/pkcs12-reader.ts';
import { usagesOf } from '../../../pki/usages.ts';
import type { CertificateIssue, PemKey } from '../../../plan/certificates/certificate-issue.ts';
import { nodeKey } from '../../../plan/node/node-id.ts';
import type { CaRecord } from '../../../plan/records.ts';
import { caCertificateSecret, caKeySecret, importedCaSecrets, ownCa } from '../../../plan/trust/ca-names.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

export const NODE_KEY_BITS = 2048;

/** Mints under the exact version that the plan named, so that a step that is repeated after a crash finds what the first one made. */
export const mint = async (
  parts: Pick<StepParts, 'secrets'>,
  reference: string,
  make: () => string | Buffer | Promise<string | Buffer>,
): Promise<Buffer> => {
  const { name, version } = parseSecretReference(reference);
  return parts.secrets.mint(name, version ?? 1, make);
};

export const createCaStep =
  (parts: StepParts): Executor<'ca.create'> =>
  async (context, { ca, commonName, validityDays, keyBits = ownCa.keyBits }) => {
    await rememberBefore(context, () => parts.inventory.cas.get(ca));
    await context.phase('making an RSA key');
    await context.checkFence();
    const key = await mint(parts, caKeySecret(ca), async () => (await generateRsaKeyPair(keyBits)).privateKeyPem);
    const privateKeyPem = key.toString('utf8');
    const publicKeyPem = publicHalfOf(privateKeyPem);
    const certificate = await mint(parts, caCertificateSecret(ca), () =>
      selfSignCa({ commonName, validityDays, now: parts.clock() }, { privateKeyPem, publicKeyPem }),
    );
    const certificatePem = certificate.toString('utf8');
    const facts = describeCertificate(certificatePem);
    await context.file('cas', ca, {
      name: ca,
      certificatePem,
      certificate: caCertificateSecret(ca),
      key: caKeySecret(ca),
      facts,
    });
    return { fingerprint256: facts.fingerprint256, notAfter: facts.notAfter };
  };

/**
 * The next version, and not the first one: what was filed before and removed is never written again. Noted before it is written, so that whoever goes on after a crash writes no
 * other one.
 */
const nextVersion = async (
  { secrets }: Pick<StepParts, 'secrets'>,
  context: Pick<StepContext, 'memory' | 'remember'>,
  name: string,
): Promise<string> => {
  const noted = context.memory.intent as { readonly certificate: string } | null;
  const certificate = noted?.certificate ?? `secret:${name}@${(await secrets.latestVersion(name)) + 1}`;
  await context.remember({ intent: { certificate } });
  return certificate;
};

/** Files a CA without a key. Its certificate is kept as a secret too: deliveries carry contents by reference. */
export const importCaStep =
  (parts: Pick<StepParts, 'inventory' | 'secrets'>): Executor<'ca.import'> =>
  async (context, { ca, certificatePem, fingerprint256 }) => {
    const standing = await parts.inventory.cas.get(ca);
    await rememberBefore(context, async () => standing);
    if (standing?.facts.fingerprint256 === fingerprint256) return { fingerprint256 };
    if (standing)
      throw new RemoraError('step-failed', `Somebody filed another CA under the name ${ca} after the plan was made.`, {
        hint: 'Give the command again: it takes another name then.',
      });
    await context.checkFence();
    const certificate = await nextVersion(parts, context, importedCaSecrets(ca, fingerprint256).certificate);
    await mint(parts, certificate, () => certificatePem);
    await context.file('cas', ca, {
      ...{ name: ca, certificatePem, certificate, key: null, facts: describeCertificate(certificatePem) },
    });
    return { fingerprint256 };
  };

/** Where the certificate of a wish comes from: a CA whose key is here signs it, or it was signed elsewhere. */
interface Source {
  /** PKCS#8, unencrypted. */
  privateKey(): Promise<string>;
  certificate(
    privateKeyPem: string,
  ): Promise<{ readonly certificatePem: string; readonly chainPem: readonly string[] }>;
}

const sign = async (
  parts: StepParts,
  wish: CertificateIssue,
  ca: CaRecord & { readonly key: string },
  publicKeyPem: string,
): Promise<string> => {
  const { certificatePem } = issueCertificate({
    ca: { certificatePem: ca.certificatePem, privateKeyPem: (await parts.secrets.get(ca.key)).toString('utf8') },
    publicKeyPem,
    subject: { commonName: wish.commonName },
    sans: { dns: wish.dns, ip: wish.ip, otherNames: wish.otherNames ?? [] },
    usage: usagesOf[wish.purpose],
    validityMs: wish.validityMs,
    now: parts.clock(),
  });
  return certificatePem;
};

/** A CA whose key is here. Throws `step-failed` where it is not. */
export const signingCa = async (
  parts: StepParts,
  wish: { readonly ca: string; readonly node: string },
): Promise<CaRecord & { readonly key: string }> => {
  const ca = await parts.inventory.cas.get(wish.ca);
  const key = ca?.key;
  if (ca && key) return { ...ca, key };
  throw new RemoraError(
    'step-failed',
    `CA ${wish.ca} cannot issue a certificate for ${wish.node}: ${ca ? 'its key is not here' : 'it is not known'}.`,
  );
};

const signedHere = async (parts: StepParts, wish: CertificateIssue): Promise<Source> => {
  const ca = await signingCa(parts, wish);
  return {
    privateKey: async () => (await generateRsaKeyPair(NODE_KEY_BITS)).privateKeyPem,
    async certificate(privateKeyPem) {
      const publicKeyPem = publicHalfOf(privateKeyPem);
      return { certificatePem: await sign(parts, wish, ca, publicKeyPem), chainPem: [ca.certificatePem] };
    },
  };
};

/** What was signed elsewhere. Throws `step-failed` where it is not on record any more. */
export const signedElsewhere = async (
  parts: StepParts,
  { node }: { readonly node: string },
  { request, fingerprint256 }: NonNullable<CertificateIssue['given']>,
): Promise<Source> => {
  const record = await parts.inventory.signingRequests.get(request);
  const signed = record?.signed;
  if (!record || signed?.facts.fingerprint256 !== fingerprint256)
    throw new RemoraError(
      'step-failed',
      `The certificate for ${node} that the plan saw as ${request} is not on record any more.`,
    );
  return {
    privateKey: async () => (await parts.secrets.get(record.key)).toString('utf8'),
    certificate: async () => signed,
  };
};

/** Mints the PKCS#12 file; answers its certificate. */
const mintPkcs12 = async (parts: StepParts, wish: CertificateIssue, source: Source): Promise<string> => {
  const password = (await mint(parts, wish.passwordSecret, newPassword)).toString('utf8');
  const file = await mint(parts, wish.p12Secret, async () => {
    const privateKeyPem = await source.privateKey();
    const certificate = await source.certificate(privateKeyPem);
    return toPkcs12({ ...certificate, privateKeyPem, password, friendlyName: wish.commonName });
  });
  return wish.given === undefined ? leafOfPkcs12(file, password) : (await source.certificate('')).certificatePem;
};

/** Mints the key, and then the certificate for it: whoever goes on after a crash finds the key that the other is for. Answers the certificate. */
const mintPem = async (parts: StepParts, wish: CertificateIssue, source: Source, key: PemKey): Promise<string> => {
  const passphrase =
    key.passphraseSecret === null ? null : (await parts.secrets.get(key.passphraseSecret)).toString('utf8');
  const file = await mint(parts, key.secret, async () => toPemKey(await source.privateKey(), passphrase));
  const chain = await mint(parts, wish.p12Secret, async () => {
    const { certificatePem, chainPem } = await source.certificate(fromPemKey(file.toString('utf8'), passphrase));
    return [certificatePem, ...chainPem].map((pem) => `${pem.trim()}\n`).join('');
  });
  return chain.toString('utf8');
};

/** Issues the certificate that is wished for, mints its files, and files it under the node and the purpose. */
export const issueFor = async (
  parts: StepParts,
  context: Pick<StepContext, 'file'>,
  wish: CertificateIssue,
): Promise<{ fingerprint256: string; notAfter: string }> => {
  const source = await (wish.given ? signedElsewhere(parts, wish, wish.given) : signedHere(parts, wish));
  const { cluster, node, purpose, path, p12Secret, passwordSecret, key, validityMs } = wish;
  const facts = describeCertificate(
    await (key === undefined ? mintPkcs12(parts, wish, source) : mintPem(parts, wish, source, key)),
  );
  await context.file('certificates', `${nodeKey(wish)}/${purpose}`, {
    ...{ cluster, node, purpose, ca: wish.ca, path, names: [...wish.dns, ...wish.ip], p12Secret, passwordSecret },
    ...(key === undefined ? {} : { key }),
    ...(wish.given === undefined ? {} : { given: wish.given.request }),
    ...{ validityMs, facts },
  });
  return { fingerprint256: facts.fingerprint256, notAfter: facts.notAfter };
};

export const issueCertificateStep =
  (parts: StepParts): Executor<'certificate.issue'> =>
  async (context, wish) => {
    await rememberBefore(context, () => parts.inventory.certificates.get(`${nodeKey(wish)}/${wish.purpose}`));
    await context.phase(wish.given ? 'making the files' : 'making a key and a certificate');
    await context.checkFence();
    return issueFor(parts, context, wish);
  };
