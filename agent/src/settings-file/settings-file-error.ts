/**
 * Why elasticsearch.yml cannot be edited safely.
 *   syntax     not YAML, or YAML that breaks off
 *   character  a character that ends a line for Elasticsearch's parser but not for an editor, or that it refuses
 *   tab        a tab where Elasticsearch's parser allows spaces only
 *   duplicate  one setting twice, in whatever spelling
 *   anchor     an anchor, an alias or a merge key
 *   tag        a tag such as `!!str`
 *   documents  more than one document
 *   root       the root is no mapping
 *   key        a key that is no plain name (`? key`, a list as key)
 *   value      a list that holds something else than text, numbers and booleans
 *   conflict   a new setting whose name stands in the file as the parent of other settings
 *   unsafe     the edit would lose a comment or change another setting
 */
export type SettingsFileReason =
  | 'syntax'
  | 'character'
  | 'tab'
  | 'duplicate'
  | 'anchor'
  | 'tag'
  | 'documents'
  | 'root'
  | 'key'
  | 'value'
  | 'conflict'
  | 'unsafe';

/**
 * elasticsearch.yml was refused. `line` and `column` count from 1, columns in UTF-16 units without a byte order mark. The message never quotes a value: values may be
 * secrets.
 */
export class SettingsFileError extends Error {
  readonly reason: SettingsFileReason;
  readonly line: number;
  readonly column: number;

  constructor(reason: SettingsFileReason, line: number, column: number, what: string) {
    super(`elasticsearch.yml, line ${line}, column ${column}: ${what}`);
    this.name = 'SettingsFileError';
    this.reason = reason;
    this.line = line;
    this.column = column;
  }
}
