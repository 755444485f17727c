import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { SettingsDocument } from './document.ts';
import { parseSettings } from './read/parse.ts';
import { applySplices, type Splice } from './read/source-text.ts';
import { removeSetting } from './remove-setting.ts';
import { setSetting } from './set-setting.ts';
import { settingValue } from './setting-value.ts';
import { SettingsFileError } from './settings-file-error.ts';

export { SettingsFileError, type SettingsFileReason } from './settings-file-error.ts';

/** Settings by flattened name. A name stands in one of the two only. */
export interface SettingsEdit {
  readonly set?: Readonly<Record<string, SettingValue>>;
  readonly remove?: readonly string[];
}

/**
 * The text of elasticsearch.yml with settings set and removed, and every other byte as it was.
 * - A setting is found in whatever spelling (`a.b: x`, `a:` over `b: x`, a mix) and changed where it stands, in its own quotes or list style.
 * - A value that Elasticsearch reads as the same (`true` and `"true"`) is left alone, so the same edit twice changes nothing more.
 * - A new setting is a line at the end. Removing settings that `set` added, in any order, gives back the first text, byte for byte.
 * - A removed setting takes along the parents that it leaves empty; comments stay.
 * @throws {SettingsFileError} when the file cannot be edited safely, with line and column.
 * @throws {TypeError} when the edit itself makes no sense.
 */
export function editSettings(text: string, edit: SettingsEdit): string {
  const wanted = Object.entries(edit.set ?? {});
  const unwanted = edit.remove ?? [];
  checkEdit(wanted, unwanted);
  const { mark, body } = splitMark(text);
  // Taken before removals can take the last line break with them.
  const lineBreak = parseSettings(body).source.lineBreakNear(body.length);
  const removed = unwanted.reduce((current, name) => step(current, lineBreak, name, null), body);
  return mark + wanted.reduce((current, [name, value]) => step(current, lineBreak, name, value), removed);
}

/**
 * The settings of elasticsearch.yml by flattened name, as Elasticsearch flattens them; null for a key without a value. Numbers and booleans are told from text only where
 * the text in the file is exactly theirs (`9443`, `true`).
 * @throws {SettingsFileError} when the file is ambiguous or broken, with line and column.
 */
export function readSettings(text: string): Record<string, SettingValue | null> {
  return Object.fromEntries(valuesOf(parseSettings(splitMark(text).body)));
}

/** Where a setting stands in the text, counted from 1; undefined when it does not. For messages that point at it. */
export function locateSetting(text: string, name: string): { line: number; column: number } | undefined {
  const { settings, source } = parseSettings(splitMark(text).body);
  const leaf = settings.get(name)?.leaf;
  if (leaf === undefined) return undefined;
  return { line: source.lineIndexAt(leaf.start) + 1, column: source.before(leaf.start).length + 1 };
}

/** The byte order mark is no part of the YAML: the `yaml` package counts it as a column, and then misreads an indented root. */
function splitMark(text: string): { mark: string; body: string } {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  return { mark, body: text.slice(mark.length) };
}

function checkEdit(wanted: readonly (readonly [string, SettingValue])[], unwanted: readonly string[]): void {
  for (const [name, value] of wanted) {
    if (unwanted.includes(name)) throw new TypeError(`The edit both sets and removes "${name}".`);
    if (name === '' || name === '<<') throw new TypeError(`The edit sets "${name}", which is no name of a setting.`);
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`The edit sets "${name}" to ${value}, which is no number that a file can hold.`);
    }
  }
}

type Values = ReadonlyMap<string, SettingValue | null>;

const valuesOf = ({ settings }: SettingsDocument): Map<string, SettingValue | null> =>
  new Map([...settings].map(([name, setting]) => [name, settingValue(setting.value)]));

/** One change, on a document read afresh: what an earlier change moved can't mislead a later one. `value` null removes. */
function step(text: string, lineBreak: string, name: string, value: SettingValue | null): string {
  const document = parseSettings(text, lineBreak);
  const splices = value === null ? removeSetting(document, name) : setSetting(document, name, value);
  if (splices.length === 0) return text;
  const result = applySplices(text, splices);
  const expected = valuesOf(document);
  if (value === null) expected.delete(name);
  else expected.set(name, value);
  prove(document, splices, result, expected);
  return result;
}

/** Reads the result back: an edit that changed anything but its setting must not reach a disk, whatever spelling brought it about. */
function prove(document: SettingsDocument, splices: readonly Splice[], result: string, expected: Values): void {
  const found = readBack(result);
  const proven =
    found?.size === expected.size &&
    [...expected].every(([name, value]) => found.has(name) && sameSettingValue(found.get(name), value));
  if (proven) return;
  const at = Math.min(...splices.map((splice) => splice.start));
  throw document.source.error('unsafe', at, 'an edit here would change other settings too; make this change by hand.');
}

function readBack(text: string): Values | undefined {
  try {
    return valuesOf(parseSettings(text));
  } catch (error) {
    if (error instanceof SettingsFileError) return undefined;
    throw error;
  }
}
