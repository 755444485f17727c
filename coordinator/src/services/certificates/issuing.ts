import { RemoraError } from '@remora/shared/errors.ts';
import type {
  CertificateFiles,
  CertificateInstance,
  IssueRequest,
  IssueWish,
} from '@remora/shared/model/certificates/issue-request.ts';
import { parseValidity } from '@remora/shared/model/values/duration.ts';
import { parseCaName } from '@remora/shared/model/values/names.ts';
import type { RecordAlone } from '../../audit/record-alone.ts';
import type { Clock } from '../../clock.ts';
import type { CertificateAuthority } from '../../pki/ca.ts';
import { certificateFiles, type NamedFile } from '../../pki/certificate-files.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { checkNaming, issueCertificate, termOf } from '../../pki/issue.ts';
import { generateRsaKeyPair } from '../../pki/keys.ts';
import { alternativeNamesOf, parseSan, type SubjectAlternativeNames } from '../../pki/names/general-names.ts';
import { usagesOf } from '../../pki/usages.ts';
import type { CaRecord } from '../../plan/records.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';
import type { Services } from '../../services.ts';
import type { Inventory } from '../../store/inventory.ts';

export interface IssuingParts {
  readonly inventory: Pick<Inventory, 'cas'>;
  readonly secrets: Pick<SecretStore, 'get'>;
  readonly clock: Clock;
  readonly recordAlone: RecordAlone;
}

const USUAL_VALIDITY = '365d';
const USUAL_BITS = 2048;
/** Each keeps one of the threads busy by which the coordinator also reads files and resolves names; there are four. */
const KEYS_AT_ONCE = 3;

/** The CA of this name; throws `not-found`. */
export const caOf = async (inventory: Pick<Inventory, 'cas'>, name: string): Promise<CaRecord> => {
  const record = await inventory.cas.get(parseCaName(name));
  if (record) return record;
  throw new RemoraError('not-found', `There is no CA "${name}".`, { hint: 'See `remora ca list`.' });
};

/** As `caOf`; throws `conflict` of one that others have stopped to trust, or soon will. */
export const lastingCaOf = async (inventory: Pick<Inventory, 'cas'>, name: string): Promise<CaRecord> => {
  const record = await caOf(inventory, name);
  if (record.successor === undefined) return record;
  const [what, hint] =
    record.retiredAt === undefined
      ? [
          `is being replaced by ${record.successor}`,
          `Ask CA ${record.successor}, or wait until the rotation has ended.`,
        ]
      : [`is retired: ${record.successor} took its place`, `Ask CA ${record.successor}.`];
  throw new RemoraError('conflict', `CA ${name} ${what}.`, { hint });
};

const signingCa = async ({ inventory, secrets }: IssuingParts, name: string): Promise<CertificateAuthority> => {
  const { certificatePem, key } = await lastingCaOf(inventory, name);
  if (key !== null) return { certificatePem, privateKeyPem: (await secrets.get(key)).toString('utf8') };
  throw new RemoraError('bad-input', `The CA "${name}" is here without its key: it cannot sign.`, {
    hint: `\`remora certs csr --ca ${name}\` makes requests that are signed where its key is.`,
  });
};

/** Who is named by a certificate, and how. */
export const namingOf = (
  instance: CertificateInstance,
): { readonly subject: { readonly commonName: string }; readonly sans: SubjectAlternativeNames } => {
  const { dns, ip } = alternativeNamesOf(instance.sans.map(parseSan));
  return {
    subject: { commonName: instance.commonName ?? instance.name },
    sans: { dns, ip, otherNames: instance.otherNames ?? [] },
  };
};

/** Checks all that is asked for before anything is made; the sentence of an error (`bad-input`) begins with the instance. */
export const checkInstances = (caPem: string, wish: Pick<IssueWish, 'purpose' | 'instances'>): void => {
  const seen = new Set<string>();
  for (const instance of wish.instances) {
    const { name } = instance;
    if (seen.has(name)) throw new RemoraError('bad-input', `"${name}" is asked for twice.`);
    seen.add(name);
    try {
      checkNaming({ caPem, ...namingOf(instance), usage: usagesOf[wish.purpose] });
    } catch (error) {
      if (!(error instanceof RemoraError)) throw error;
      const { code, message, hint } = error;
      throw new RemoraError(code, `${name}: ${message}`, { hint, cause: error });
    }
  }
};

export const sentFiles = (name: string, certificatePem: string, files: readonly NamedFile[]): CertificateFiles => {
  const { subject, issuer, sans, notBefore, notAfter, fingerprint256, serial } = describeCertificate(certificatePem);
  return {
    ...{ name, subject, issuer, sans, notBefore, notAfter, fingerprint256, serial },
    files: files.map(({ content, ...file }) => ({ ...file, content: content.toString('base64') })),
  };
};

/** Certificates that whoever asks places: their keys are made here, handed out once, and kept nowhere. */
export const issuingService = (parts: IssuingParts): Services['issuing'] => {
  const lifeOf = (validity: string | undefined) => parseValidity(validity ?? USUAL_VALIDITY, '--validity');
  const preview = async (wish: IssueWish) => {
    const ca = await signingCa(parts, wish.ca);
    const { notAfter, shortened } = termOf({ ca, validityMs: lifeOf(wish.validity), now: parts.clock() });
    checkInstances(ca.certificatePem, wish);
    return { ca, shown: { notAfter: notAfter.toISOString(), shortened } };
  };
  const issueOne = async (ca: CertificateAuthority, wish: IssueRequest, instance: CertificateInstance) => {
    const pair = await generateRsaKeyPair(wish.keyBits ?? USUAL_BITS);
    const { certificatePem } = issueCertificate({
      ca,
      ...namingOf(instance),
      publicKeyPem: pair.publicKeyPem,
      usage: usagesOf[wish.purpose],
      validityMs: lifeOf(wish.validity),
      now: parts.clock(),
    });
    const keyed = { name: instance.name, certificatePem, chainPem: [ca.certificatePem], ...pair };
    return sentFiles(instance.name, certificatePem, certificateFiles(keyed, wish));
  };
  return {
    preview: async (wish) => (await preview(wish)).shown,
    async issue(wish, actor) {
      const { ca } = await preview(wish);
      const made: CertificateFiles[] = [];
      for (let at = 0; at < wish.instances.length; at += KEYS_AT_ONCE) {
        const some = wish.instances.slice(at, at + KEYS_AT_ONCE);
        made.push(...(await Promise.all(some.map((instance) => issueOne(ca, wish, instance)))));
      }
      await parts.recordAlone(
        made.map(({ subject, notAfter, serial, fingerprint256 }) => ({
          ...{ actor, action: 'certificate.issue', target: wish.ca },
          detail: `${subject} for ${wish.purpose}, until ${notAfter}, serial ${serial}, SHA-256 ${fingerprint256}`,
        })),
      );
      return made;
    },
  };
};
