import { RemoraError } from '../../errors.ts';
import { patternProblem } from './index-pattern.ts';
import { matchesWildcards } from './wildcard.ts';

/** What an entry of each kind may have. */
const entryFields: ReadonlyMap<string, readonly string[]> = new Map([
  ['search', ['names', 'query', 'field_security', 'allow_restricted_indices']],
  ['replication', ['names', 'allow_restricted_indices']],
]);

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', `${message}.`);
};

/**
 * Whether an object may stand as `access` of the create cross-cluster API key API, as far as Elasticsearch itself looks at it then. What it
 * refuses later fails the run that makes the key. Throws `bad-input`.
 */
export const checkAccessFile = (access: object): void => {
  const kinds = Object.entries(access) as [string, unknown][];
  const unknown = kinds.map(([kind]) => kind).filter((kind) => !entryFields.has(kind));
  if (unknown.length > 0)
    refuse(`The access file has "${unknown.join('", "')}": it may have "search" and "replication" only`);
  const grants = kinds.filter(([, entries]) => Array.isArray(entries) && entries.length > 0);
  if (grants.length === 0) {
    refuse('The access file grants nothing: it needs a non-empty list "search" or "replication"');
  }
  for (const [kind, entries] of kinds) {
    for (const entry of Array.isArray(entries) ? entries : [entries]) checkEntry(kind, entry);
  }
  if (grants.length > 1 && grants.some(([, entries]) => (entries as unknown[]).some(restricts))) {
    refuse(
      'The access file has "query" or "field_security" beside "replication": Elasticsearch takes these for keys that search only',
    );
  }
};

const checkEntry = (kind: string, entry: unknown): void => {
  const refuseEntry = (why: string): never => refuse(`An entry of "${kind}" in the access file ${why}`);
  const { names, ...more } = isObject(entry) ? entry : {};
  const patterns = isTexts(names) ? names : refuseEntry('has no list "names" of index patterns');
  const wrong = patterns.find((name) => patternProblem(name) !== null);
  if (wrong !== undefined) refuseEntry(`names "${wrong}", which is no index pattern: ${patternProblem(wrong)}`);
  const fields = entryFields.get(kind) ?? [];
  const unknown = Object.keys(more).filter((field) => !fields.includes(field));
  if (unknown.length > 0) refuseEntry(`has "${unknown.join('", "')}": it may have ${fields.join(', ')} only`);
  if ('query' in more && !isQuery(more.query)) {
    refuseEntry('has a "query" that is neither an object of the query DSL, with one name, nor the text of one in JSON');
  }
  const broken = 'field_security' in more ? brokenField(more.field_security) : undefined;
  if (broken !== undefined) refuseEntry(`has the field "${broken}": ${patternProblem(broken)}`);
  if ('field_security' in more && !isFieldSecurity(more.field_security)) {
    refuseEntry(
      'has a "field_security" that is not {"grant": [FIELD…], "except": [FIELD…]} with exceptions among what is granted',
    );
  }
  if ('allow_restricted_indices' in more && typeof more.allow_restricted_indices !== 'boolean') {
    refuseEntry('has an "allow_restricted_indices" that is neither true nor false');
  }
};

const restricts = (entry: unknown): boolean => isObject(entry) && ('query' in entry || 'field_security' in entry);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string' && text !== '');

/** Elasticsearch looks into it when it is searched with, and then takes neither none nor two names. */
const isNamedOnce = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 1;

const isQuery = (value: unknown): boolean => {
  if (typeof value !== 'string') return isNamedOnce(value);
  try {
    return isNamedOnce(JSON.parse(value));
  } catch {
    return false;
  }
};

/** A regular expression among the fields that is none. */
const brokenField = (value: unknown): string | undefined => {
  const { grant, except } = isObject(value) ? value : {};
  return [grant, except]
    .flat()
    .filter((field) => typeof field === 'string')
    .find((field) => field.startsWith('/') && patternProblem(field) !== null);
};

const isFieldSecurity = (value: unknown): boolean => {
  const { grant, except = [], ...more } = isObject(value) ? value : {};
  if (!isTexts(grant) || Object.keys(more).length > 0) return false;
  if (!Array.isArray(except) || (except.length > 0 && !isTexts(except))) return false;
  return except.every((field: string) => grant.some((pattern) => mayCover(pattern, field)));
};

/** Stands for any character, and is none that somebody writes. */
const ANY = '\u{e000}';

/**
 * Whether a pattern of fields may have all of these fields: a pattern too is tried by a field that it has and that no other would name. Fields that begin with `_` are granted
 * always; regular expressions Elasticsearch judges.
 */
const mayCover = (pattern: string, fields: string): boolean => {
  if (pattern.startsWith('/') || fields.startsWith('/') || fields.startsWith('_')) return true;
  return matchesWildcards(pattern, fields.replace(/[*?]/g, ANY));
};
