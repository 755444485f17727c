import { selfSignCa } from '../../../coordinator/src/pki/ca.ts';
import { issueCertificate } from '../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import { toPkcs12 } from '../../../coordinator/src/pki/pkcs12/pkcs12.ts';
import { usagesOf } from '../../../coordinator/src/pki/usages.ts';

const KEY_BITS = 2048;
const YEAR_MS = 365 * 86_400_000;

/** A CA of the people who run the clusters, whose key Remora does not have. */
export class TheirCa {
  readonly certificatePem: string;
  readonly #privateKeyPem: string;

  private constructor(certificatePem: string, privateKeyPem: string) {
    this.certificatePem = certificatePem;
    this.#privateKeyPem = privateKeyPem;
  }

  static async create(commonName: string): Promise<TheirCa> {
    const keys = await generateRsaKeyPair(KEY_BITS);
    return new TheirCa(selfSignCa({ commonName, validityDays: 3650, now: new Date() }, keys), keys.privateKeyPem);
  }

  /** A PKCS#12 file for a node that is reached at 127.0.0.1. */
  async issue(commonName: string, password: string, otherNames: readonly string[] = []): Promise<Buffer> {
    const { publicKeyPem, privateKeyPem } = await generateRsaKeyPair(KEY_BITS);
    const { certificatePem } = issueCertificate({
      ca: { certificatePem: this.certificatePem, privateKeyPem: this.#privateKeyPem },
      ...{ publicKeyPem, subject: { commonName }, usage: usagesOf.transport, validityMs: YEAR_MS, now: new Date() },
      sans: { dns: ['localhost'], ip: ['127.0.0.1'], otherNames: [...otherNames] },
    });
    const chainPem = [this.certificatePem];
    return toPkcs12({ certificatePem, chainPem, privateKeyPem, password, friendlyName: commonName });
  }
}
