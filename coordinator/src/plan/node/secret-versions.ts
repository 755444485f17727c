import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';

/**
 * By name the newest version of each secret that was ever written. Below zero where it was removed: nothing is behind the number, which is used up all the same, since a
 * version is written once.
 */
export type SecretVersions = Readonly<Record<string, number>>;

/** The newest version of a secret that is there; null of one that never was, or was removed. */
export const keptVersion = (versions: SecretVersions, name: string): number | null => {
  const version = versions[name] ?? 0;
  return version > 0 ? version : null;
};

/** The highest version that was ever written, removed ones too; 0 of a name that was never used. */
export const lastVersion = (versions: SecretVersions, name: string): number => Math.abs(versions[name] ?? 0);

export const isRemoved = (versions: SecretVersions, name: string): boolean => (versions[name] ?? 0) < 0;

/** Reference of a secret that is made once and then stays: the version that is there, else the one that is made. */
export const madeOnce = (versions: SecretVersions, name: string): string =>
  `secret:${name}@${keptVersion(versions, name) ?? lastVersion(versions, name) + 1}`;

/** Whether the value behind a reference is there. */
export const isKept = (versions: SecretVersions, reference: string): boolean => {
  const { name, version } = parseSecretReference(reference);
  return (keptVersion(versions, name) ?? 0) >= (version ?? 1);
};
