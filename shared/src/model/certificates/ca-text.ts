import Type from 'typebox';
import { RemoraError } from '../../errors.ts';

/** PEM of CAs as a wish has it, null for public ones. The server reads it: shared code knows no X.509. */
export const CaText = Type.Union([Type.String({ maxLength: 262_144 }), Type.Null()]);

/** A wish is kept with its plan, so a private key must not get there with the certificates. Throws `bad-input`. */
export const refuseKeyAmong = (caPem: string | null | undefined, flag: string): void => {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(caPem ?? '')) return;
  throw new RemoraError('bad-input', `${flag} holds a private key.`, {
    hint: 'Give a file with the certificates alone: a CA is trusted without its key, which nobody else is to have.',
  });
};
