import type { Access } from '../../connection/connection-records.ts';

interface Entry {
  readonly names: readonly string[];
  readonly allow_restricted_indices?: unknown;
}

/** Patterns that look as if they covered system indices, which a key grants only where its entry says so. */
export const restrictedWarnings = ({ search = [], replication = [] }: Access): string[] => {
  const entries: readonly Entry[] = [...search, ...replication];
  const names = entries
    .filter((entry) => entry.allow_restricted_indices !== true)
    .flatMap((entry) => entry.names)
    .filter((name) => name.startsWith('.') || name === '*');
  return names.length === 0
    ? []
    : [
        `${[...new Set(names)].join(', ')}: the key grants no system indices by that, which takes allow_restricted_indices in the file of --access.`,
      ];
};
