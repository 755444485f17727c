import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateInstance } from '@remora/shared/model/certificates/issue-request.ts';
import type { SigningRequestView, SigningWish } from '@remora/shared/model/certificates/signing-request.ts';
import type { Clock } from '../../clock.ts';
import { certificateFiles } from '../../pki/certificate-files.ts';
import { checkSigned, type SignedCertificate } from '../../pki/check-signed.ts';
import { parsePemBundle } from '../../pki/describe.ts';
import { generateRsaKeyPair } from '../../pki/keys.ts';
import { generalNames } from '../../pki/names/general-names.ts';
import { signingRequest } from '../../pki/signing-request.ts';
import { usagesOf } from '../../pki/usages.ts';
import type { SigningRequestRecord } from '../../plan/records.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';
import type { Services } from '../../services.ts';
import type { Inventory } from '../../store/inventory.ts';
import { keepGiven } from './given-certificates.ts';
import { caOf, checkInstances, lastingCaOf, namingOf, sentFiles } from './issuing.ts';

export interface SigningRequestParts {
  readonly inventory: Pick<Inventory, 'cas' | 'signingRequests'>;
  readonly secrets: Pick<SecretStore, 'get' | 'put' | 'remove'>;
  readonly clock: Clock;
}

/** A certificate that is the one that was asked for. */
interface Checked {
  /** Of the request. */
  readonly id: string;
  readonly signed: SignedCertificate;
}

const USUAL_BITS = 2048;

export const idOf = (publicKeyDer: Buffer): string =>
  createHash('sha256').update(publicKeyDer).digest('hex').slice(0, 16);

export const secretOf = (id: string): string => `signing-request/${id}/key`;

const viewOf = ({ signed, key: _, acceptedAt: __, csr, ...record }: SigningRequestRecord): SigningRequestView => ({
  ...{ ...record, csr: csr ?? null },
  sans: [...record.sans],
  certificate: signed === null ? null : { ...signed.facts, sans: [...signed.facts.sans] },
});

const unknown = (id: string): RemoraError =>
  new RemoraError('not-found', `There is no signing request "${id}".`, { hint: 'See `remora certs requests`.' });

const refuse = (message: string, hint = ''): never => {
  throw new RemoraError('bad-input', message, hint === '' ? {} : { hint });
};

/** A certificate file as it came back: PEM with its chain, or one in DER. */
const certificatesIn = ({ name, content }: { readonly name: string; readonly content: Buffer }): string[] => {
  if (content.includes('-----BEGIN ')) return parsePemBundle(content.toString('utf8'), name);
  try {
    return [new X509Certificate(content).toString()];
  } catch {
    return refuse(`${name} is neither a PEM file nor a certificate in DER.`);
  }
};

const idOfCertificate = (pem: string): string =>
  idOf(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }));

/** Refuses what is asked for already: of two open requests one would be forgotten. */
const refuseOpen = (standing: readonly SigningRequestRecord[], { ca, purpose, instances }: SigningWish): void => {
  const open = standing.find(
    (one) =>
      one.signed === null &&
      one.ca === ca &&
      one.purpose === purpose &&
      instances.some(({ name }) => name === one.name),
  );
  if (open === undefined) return;
  throw new RemoraError('conflict', `A certificate for "${open.name}" is requested of ${ca} already, as ${open.id}.`, {
    hint: `\`remora certs accept FILE\` takes it when it is signed; \`remora certs forget ${open.id}\` drops it.`,
  });
};

/** Files certificates in the records of their requests, all or none: one for each, whoever accepts others at the same time. */
const fileCertificates = async (
  { inventory: { signingRequests }, clock }: SigningRequestParts,
  checked: readonly Checked[],
  actor: string,
): Promise<void> => {
  const byId = Map.groupBy(checked, ({ id }) => id);
  await signingRequests.changeAll([...byId.keys()], (record) => {
    const [first, ...more] = (byId.get(record.id) ?? []).map(({ signed }) => signed);
    if (first === undefined) return null;
    const one = record.signed?.facts.fingerprint256 ?? first.facts.fingerprint256;
    if ([first, ...more].some(({ facts }) => facts.fingerprint256 !== one))
      return refuse(`"${record.name}" has a certificate already, another than this one.`);
    if (record.signed !== null) return null;
    const { isCa: _, selfSigned: __, ...facts } = first.facts;
    const detail = `"${record.name}", until ${facts.notAfter}, serial ${facts.serial}, SHA-256 ${facts.fingerprint256}`;
    return {
      record: { ...record, acceptedAt: clock().toISOString(), signed: { ...first, facts } },
      audit: { actor, action: 'certificate.accept', target: record.id, detail },
    };
  });
};

/** Keys of certificates that a CA signs elsewhere: requests out, certificates in, checked against what was asked for. */
export const signingRequestService = (parts: SigningRequestParts): Services['signingRequests'] => {
  const { signingRequests } = parts.inventory;
  const make = async (wish: SigningWish, instance: CertificateInstance, actor: string) => {
    const keys = await generateRsaKeyPair(wish.keyBits ?? USUAL_BITS);
    const id = idOf(createPublicKey(keys.publicKeyPem).export({ type: 'spki', format: 'der' }));
    const { subject, sans } = namingOf(instance);
    const names = generalNames(sans);
    const csr = signingRequest({ keys, subject, names, usage: usagesOf[wish.purpose] });
    const record: SigningRequestRecord = {
      ...{ id, name: instance.name, ca: wish.ca, purpose: wish.purpose, commonName: subject.commonName },
      sans: names.map(({ kind, value }) => `${kind}:${value}`),
      csr,
      key: await parts.secrets.put(secretOf(id), keys.privateKeyPem),
      ...{ requestedAt: parts.clock().toISOString(), signed: null },
    };
    const detail = `"${instance.name}" for ${wish.purpose}, to be signed by ${wish.ca}`;
    await signingRequests.add(id, record, { actor, action: 'certificate.request', target: id, detail });
    return { id, name: instance.name, csr };
  };
  const check = async (record: SigningRequestRecord, pem: string, others: readonly string[]): Promise<Checked> => {
    const ca = await caOf(parts.inventory, record.ca);
    const asked = { ...record, caName: record.ca, caPem: ca.certificatePem, usage: usagesOf[record.purpose] };
    return { id: record.id, signed: checkSigned(pem, others, asked, parts.clock()) };
  };
  const get = async (id: string): Promise<SigningRequestRecord> => {
    const record = await signingRequests.get(id);
    if (record === null) throw unknown(id);
    return record;
  };
  return {
    list: async () => (await signingRequests.list()).map(viewOf),
    async create(wish, actor) {
      const ca = await lastingCaOf(parts.inventory, wish.ca);
      checkInstances(ca.certificatePem, wish);
      refuseOpen(await signingRequests.list(), wish);
      // One by one: making a key keeps a thread busy, and everything else that the coordinator does needs these threads too.
      const made = [];
      for (const instance of wish.instances) made.push(await make(wish, instance, actor));
      return made;
    },
    async accept(files, actor) {
      const pems = files.flatMap(certificatesIn);
      const known = new Map((await signingRequests.list()).map((record) => [record.id, record]));
      const ours = pems.flatMap((pem) => known.get(idOfCertificate(pem)) ?? []);
      if (ours.length === 0)
        return refuse(
          'None of these certificates is for a key that was requested here.',
          '`remora certs requests` shows what is asked for.',
        );
      const checked: Checked[] = [];
      for (const pem of pems) {
        const record = known.get(idOfCertificate(pem));
        if (record) checked.push(await check(record, pem, pems));
      }
      await fileCertificates(parts, checked, actor);
      // Of one that was forgotten meanwhile this tells, and nothing was filed.
      return Promise.all(checked.map(async ({ id }) => viewOf(await get(id))));
    },
    async give(given, actor) {
      const ids = await keepGiven(parts, given, actor);
      return Promise.all(ids.map(async (id) => viewOf(await get(id))));
    },
    async files(id, form) {
      const { name, signed, key } = await get(id);
      if (signed === null) return refuse(`The certificate for "${name}" did not come back yet.`);
      const privateKeyPem = (await parts.secrets.get(key)).toString('utf8');
      return sentFiles(name, signed.certificatePem, certificateFiles({ name, ...signed, privateKeyPem }, form));
    },
    async remove(id, actor) {
      const removed = await signingRequests.remove(id, { actor, action: 'certificate.request-remove', target: id });
      // Also where an earlier call got no further than the record.
      const hadKey = await parts.secrets.remove(secretOf(id));
      if (!removed && !hadKey) throw unknown(id);
    },
  };
};
