import { matchesGlob } from 'node:path';

/** Names and trust restrictions in the model of a cluster's transport ports. */

export interface LoadedNames {
  /** The names (`otherName`) of what the transport port serves. */
  readonly names: readonly string[];
  /** Patterns of the names that the node lets in; null where all are. */
  readonly letsIn: readonly string[] | null;
}

/** As Elasticsearch matches names: `*` is any characters, `?` one, and case counts. */
export const isLetIn = (patterns: readonly string[], names: readonly string[]): boolean =>
  patterns.some((pattern) => names.some((name) => matchesGlob(name, pattern)));

/** Pairs of which one would not be let in by the name that it has, in words. */
export const unnamed = (loaded: ReadonlyMap<string, LoadedNames>): string[] =>
  [...loaded].flatMap(([name, { names }]) =>
    [...loaded].flatMap(([other, { letsIn }]) =>
      name === other || letsIn === null || isLetIn(letsIn, names)
        ? []
        : [`${other} lets in ${letsIn.join(', ')}, and not ${name} (${names.join(', ')})`],
    ),
  );

/** What a file with trust restrictions lets in. */
export const patternsIn = (content: unknown): { trustedNames?: string[] } => {
  const text = typeof content === 'string' ? Buffer.from(content, 'base64').toString() : '';
  if (!text.startsWith('trust.subject_name:')) return {};
  return { trustedNames: [...text.matchAll(/^ {2}- "(.*)"$/gm)].map(([, pattern = '']) => pattern) };
};
