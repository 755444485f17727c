import { createPublicKey } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { parseSecretReference } from '@remora/shared/model/secret-reference.ts';
import { selfSignCa } from '../../pki/ca.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { issueCertificate } from '../../pki/issue.ts';
import { generateRsaKeyPair } from '../../pki/keys.ts';
import { newPassword, toPkcs12 } from '../../pki/pkcs12.ts';
import { leafOfPkcs12 } from '../../pki/pkcs12-reader.ts';
import { usagesOf } from '../../pki/usages.ts';
import { caCertificateSecret, caKeySecret, ownCa } from '../../plan/ca-names.ts';
import type { CaRecord } from '../../plan/records.ts';
import { type CertificateIssue, nodeKey } from '../../plan/steps.ts';
import type { Executor, StepContext } from '../executor.ts';
import { rememberBefore } from './before.ts';
import type { StepParts } from './parts.ts';

const NODE_KEY_BITS = 2048;

/** Mints under the exact version that the plan named, so that a step that is repeated after a crash finds what the first one made. */
const mint = async (
  parts: StepParts,
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
    const publicKeyPem = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
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

const makePkcs12 = async (
  parts: StepParts,
  wish: CertificateIssue,
  ca: CaRecord & { readonly key: string },
  password: string,
): Promise<Buffer> => {
  const pair = await generateRsaKeyPair(NODE_KEY_BITS);
  const { certificatePem } = issueCertificate({
    ca: { certificatePem: ca.certificatePem, privateKeyPem: (await parts.secrets.get(ca.key)).toString('utf8') },
    publicKeyPem: pair.publicKeyPem,
    subject: { commonName: wish.commonName },
    sans: { dns: wish.dns, ip: wish.ip },
    usage: usagesOf[wish.purpose],
    validityMs: wish.validityMs,
    now: parts.clock(),
  });
  return toPkcs12({
    certificatePem,
    chainPem: [ca.certificatePem],
    privateKeyPem: pair.privateKeyPem,
    password,
    friendlyName: wish.commonName,
  });
};

/** Issues the certificate that is wished for, mints its PKCS#12 file, and files it under the node and the purpose. */
export const issueFor = async (
  parts: StepParts,
  context: Pick<StepContext, 'file'>,
  wish: CertificateIssue,
): Promise<{ fingerprint256: string; notAfter: string }> => {
  const ca = await parts.inventory.cas.get(wish.ca);
  const key = ca?.key;
  if (!ca || !key)
    throw new RemoraError(
      'step-failed',
      `CA ${wish.ca} cannot issue a certificate for ${wish.node}: ${ca ? 'its key is not here' : 'it is not known'}.`,
    );
  const password = (await mint(parts, wish.passwordSecret, newPassword)).toString('utf8');
  const file = await mint(parts, wish.p12Secret, () => makePkcs12(parts, wish, { ...ca, key }, password));
  const facts = describeCertificate(leafOfPkcs12(file, password));
  const { cluster, node, purpose, path, p12Secret, passwordSecret, validityMs } = wish;
  const names = [...wish.dns, ...wish.ip];
  await context.file('certificates', `${nodeKey(wish)}/${purpose}`, {
    cluster,
    node,
    purpose,
    ca: wish.ca,
    path,
    names,
    p12Secret,
    passwordSecret,
    validityMs,
    facts,
  });
  return { fingerprint256: facts.fingerprint256, notAfter: facts.notAfter };
};

export const issueCertificateStep =
  (parts: StepParts): Executor<'certificate.issue'> =>
  async (context, wish) => {
    await rememberBefore(context, () => parts.inventory.certificates.get(`${nodeKey(wish)}/${wish.purpose}`));
    await context.phase('making a key and a certificate');
    await context.checkFence();
    return issueFor(parts, context, wish);
  };
