import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Pkcs12Answer, Pkcs12Parts, Pkcs12Question } from './pkcs12-worker.ts';

/** A file says itself how often its password is hashed, and how deep it is nested: what takes longer, or more memory, is not read to its end. */
const LIMIT_MS = 10_000;
const LIMIT_MB = 256;

/** Answers null when it took too long. */
const ask = async (question: Pkcs12Question): Promise<Pkcs12Answer | null> => {
  const worker = new Worker(new URL('./pkcs12-worker.ts', import.meta.url), {
    workerData: question,
    resourceLimits: { maxOldGenerationSizeMb: LIMIT_MB },
  });
  try {
    const [answer] = (await once(worker, 'message', { signal: AbortSignal.timeout(LIMIT_MS) })) as [Pkcs12Answer];
    return answer;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return null;
    return { problem: messageOf(error) };
  } finally {
    // Not waited for: what it computes natively is not interrupted.
    void worker.terminate();
  }
};

export interface Pkcs12Content {
  /** PEM; the one that belongs to a key first, where the file says so. */
  readonly certificates: readonly string[];
  /** PKCS#8 in PEM. */
  readonly keys: readonly string[];
}

const toPem = ({ certificates, keys }: Pkcs12Parts): Pkcs12Content => ({
  certificates: certificates.map((der) => new X509Certificate(Buffer.from(der)).toString()),
  keys: keys.map((der) =>
    createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  ),
});

/**
 * Reads a PKCS#12 file of somebody else's (RFC 7292; PBES1 and PBES2), apart from this process: it may be made to take for ever. `source` begins the
 * sentence of an error. Throws `bad-input`.
 */
export const readPkcs12 = async (
  file: Uint8Array,
  passphrase: string | null,
  source: string,
): Promise<Pkcs12Content> => {
  const refuse = (why: string, hint = ''): never => {
    throw new RemoraError('bad-input', `${source} ${why}.`, hint === '' ? {} : { hint });
  };
  const answer = await ask({ file, passphrase: passphrase ?? '' });
  if (answer === null) return refuse(`could not be read in ${LIMIT_MS / 1000} s, as no file of such keys takes`);
  if ('parts' in answer) {
    try {
      return toPem(answer.parts);
    } catch (error) {
      return refuse(`is a PKCS#12 file with something in it that cannot be read: ${messageOf(error)}`);
    }
  }
  if (/MAC could not be verified|Invalid password|decrypt/i.test(answer.problem))
    return passphrase === null
      ? refuse('is a PKCS#12 file with a passphrase', 'Give it with --passphrase-file.')
      : refuse(
          'is a PKCS#12 file whose passphrase is another one',
          /^[\x20-\x7e]*$/.test(passphrase)
            ? ''
            : 'Passphrases beyond ASCII cannot be tried: export it with another one.',
        );
  return refuse(`is no PKCS#12 file that can be read: ${answer.problem.replace(/\.$/, '')}`);
};
