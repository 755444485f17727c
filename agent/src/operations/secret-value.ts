import { RemoraError } from '@remora/shared/errors.ts';
import type { SecretText } from '@remora/shared/operations.ts';

/** The text itself; refuses a reference that the gateway has not resolved. `what` names the place, never the content. */
export const secretValue = (text: SecretText, what: string): string => {
  if (typeof text === 'string') return text;
  throw new RemoraError('bad-input', `${what} came as the reference ${text.$secret} and not as a value.`, {
    hint: 'A coordinator resolves references when it sends; check that both sides are of the same release.',
  });
};
