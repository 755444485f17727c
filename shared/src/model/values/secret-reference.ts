import { RemoraError } from '../../errors.ts';

export interface SecretReference {
  readonly name: string;
  /** A version never changes once it is written; without one the latest is meant. */
  readonly version?: number;
}

const pattern = /^secret:([A-Za-z0-9][A-Za-z0-9._/-]{0,200})(?:@([1-9]\d{0,8}))?$/;

/** Reads `secret:NAME` or `secret:NAME@VERSION`. */
export const parseSecretReference = (text: string): SecretReference => {
  const match = pattern.exec(text);
  if (!match?.[1])
    throw new RemoraError(
      'bad-input',
      `"${text}" is not a secret reference: write secret:NAME or secret:NAME@VERSION.`,
    );
  return match[2] ? { name: match[1], version: Number(match[2]) } : { name: match[1] };
};

export const formatSecretReference = ({ name, version }: SecretReference): string =>
  version === undefined ? `secret:${name}` : `secret:${name}@${version}`;
