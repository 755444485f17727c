import { RemoraError } from '../../errors.ts';
import { isSubject } from './distinguished-name.ts';

/**
 * `certificate_identity` of a cross-cluster API key: a regular expression of Java which the subject of the signing certificate, as RFC 2253 writes it, must match
 * as a whole. It is tried here before it is used; what cannot be tried is refused.
 */

const refuse = (text: string, why: string, hint?: string): never => {
  throw new RemoraError(
    'bad-input',
    `--certificate-identity ${JSON.stringify(text)} ${why}.`,
    hint === undefined ? {} : { hint },
  );
};

/** Letters after a backslash that mean the same in Java and here. */
const SHARED_ESCAPES = 'dDwWsSbBtnrf';

const NOT_ALIKE: readonly (readonly [RegExp, string])[] = [
  [/\(\?[a-zA-Z]+\)/, 'flags like (?i) for the rest of the expression'],
  [/\(\?>/, 'atomic groups, (?>…)'],
  [/(?:[*+?]|\})\+/, 'possessive quantifiers like *+'],
  [/&&/, 'intersections of character classes, &&'],
  [/\[[^\]]*\[/, 'character classes inside of others'],
  // What is read here and not by Java, which takes `]` after `[` for itself and wants to know how far back to look.
  [/\[\^?\]/, 'empty character classes, []'],
  [/\(\?<(?![A-Za-z][A-Za-z0-9]*>)/, 'look-behinds, or names of groups with more than letters and digits'],
];

/** A repetition of what repeats by itself, however deep, may take for ever to find out that nothing matches, there as well as here. */
const hasNestedRepetition = (text: string): boolean => {
  // For each group that is open whether something in it repeats.
  const open: boolean[] = [];
  for (const [token] of text.matchAll(/\\.|\[(?:\\.|[^\]\\])*\]|\)[*+{]?|[(*+{]/gu)) {
    if (token === '(') open.push(false);
    const repeats = token.startsWith(')') && open.pop() === true;
    if (!/^\)?[*+{]$/.test(token)) continue;
    if (repeats) return true;
    open.fill(true);
  }
  return false;
};

/** Without what would be read in another way: in a class or not, a character after a backslash is that character. */
const plainEscapes = (text: string): string =>
  text.replace(/\\([^A-Za-z0-9])/gu, (_, character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/**
 * The expression as it is matched by the remote cluster: as a whole. Throws `bad-input` for one that is empty (Elasticsearch takes that, and nothing ever matches
 * it), that is none, or that only Java understands.
 */
export const parseIdentity = (text: string): RegExp => {
  if (text === '')
    return refuse(text, 'is empty: no certificate ever matches that', 'Leave it out, or give an expression.');
  const unescaped = text.replace(/\\[^A-Za-z0-9]/gu, '_');
  const letter = /\\([A-Za-z0-9])/g;
  for (const [found, character = ''] of unescaped.matchAll(letter))
    if (!SHARED_ESCAPES.includes(character))
      return refuse(text, `has ${found}, which Remora cannot try as Java does`, 'Write it without that.');
  const [, what] = NOT_ALIKE.find(([pattern]) => pattern.test(unescaped)) ?? [];
  if (what !== undefined)
    return refuse(text, `has ${what}, which Remora cannot try as Java does`, 'Write it without that.');
  if (hasNestedRepetition(unescaped))
    return refuse(text, 'repeats a group that repeats by itself, which may take for ever', 'Write it without that.');
  try {
    return new RegExp(`^(?:${plainEscapes(text)})$`, 'u');
  } catch (error) {
    const why = String(error instanceof Error ? error.message : error).replace(/^Invalid regular expression: .*: /, '');
    return refuse(text, `is not a regular expression (${why})`);
  }
};

/** An expression that this subject matches, and no other. */
export const exactIdentity = (subject: string): string => subject.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** An expression that a subject matches which matches one of these. It is taken as a whole, so that `parseIdentity` need not understand them. */
export const eitherIdentity = (one: string, other: string): string => `(?:${one})|(?:${other})`;

/** Whether an expression is of that form: then nodes may have certificates of two subjects. */
export const isEitherIdentity = (text: string): boolean => /^\(\?:.*\)\|\(\?:.*\)$/su.test(text);

/** Whether a subject matches; not where the expression cannot be tried here. */
export const matchesIdentity = (text: string, subject: string): boolean => {
  try {
    return parseIdentity(text).test(subject);
  } catch {
    return false;
  }
};

/** Names that nobody gives a certificate of this connection. */
const STRANGERS = ['CN=a', 'CN=remora-stranger-7f3a,OU=q8,O=w5', 'CN=10.1.2.3,OU=elsewhere,O=nobody,C=ZZ'];

/** Whether a certificate of whatever subject matches: anything that a trusted CA signs will do then. */
export const matchesAll = (text: string): boolean => STRANGERS.every((subject) => parseIdentity(text).test(subject));

/** What an expression leaves open becomes the name where a whole value is open, and nothing else. */
const sampleOf = (text: string, name: string): string =>
  text.replace(/(^|=)?(?:\.|\[\^,\])[*+]|\\([^A-Za-z0-9])/gu, (_, before?: string, escaped?: string) =>
    escaped !== undefined ? escaped : before === undefined ? '' : `${before}${name}`,
  );

/**
 * The subject for the certificates of a connection: the first of these that matches, or one that can be read off the expression (`CN=signer,O=x` of `CN=signer.*,O=x`).
 * Null where none does.
 */
export const subjectFor = (text: string, candidates: readonly string[], name: string): string | null => {
  const identity = parseIdentity(text);
  const fits = (subject: string): boolean => identity.test(subject) && isSubject(subject);
  return [...candidates, sampleOf(text, name)].find(fits) ?? null;
};
