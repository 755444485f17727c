import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import { commentsIn, type ListValue, type ScalarValue, type Setting, type SettingsDocument } from './document.ts';
import { editList } from './list-edit.ts';
import { appendFlowItem, refuseComments } from './read/flow-items.ts';
import type { Splice } from './read/source-text.ts';
import { removeLines } from './remove-lines.ts';
import { renderList, renderScalar } from './render.ts';
import { settingValue } from './setting-value.ts';

/** What gives the setting its value: nothing when it has it already, else a change where it stands, else a line at the end of the file. */
export function setSetting(document: SettingsDocument, name: string, value: SettingValue): Splice[] {
  const setting = document.settings.get(name);
  if (setting === undefined) return [addSetting(document, name, value)];
  if (sameSettingValue(settingValue(setting.value), value)) return [];
  return setting.value.kind === 'list'
    ? replaceList(document, setting, setting.value, value)
    : [replaceScalar(document, setting, setting.value, value)];
}

const render = (value: SettingValue, place: Pick<ScalarValue, 'style' | 'inFlow'>): string =>
  isList(value) ? renderList(value, place.style) : renderScalar(value, place);

/** `Array.isArray` does not narrow a readonly array out of a union. */
const isList = (value: SettingValue): value is readonly string[] => Array.isArray(value);

function replaceScalar(document: SettingsDocument, { leaf }: Setting, old: ScalarValue, value: SettingValue): Splice {
  const text = render(value, old);
  if (old.start === old.end) {
    return { start: leaf.keyEnd, end: leaf.keyEnd, text: `${leaf.hasColon ? ' ' : ': '}${text}` };
  }
  // A scalar can hold one comment: the one behind the header of a block scalar.
  const [comment] = commentsIn(document, old);
  const kept = comment === undefined ? '' : ` ${document.source.text.slice(comment.start, comment.end)}`;
  return { start: old.start, end: old.end, text: text + kept };
}

function replaceList(document: SettingsDocument, { leaf }: Setting, old: ListValue, value: SettingValue): Splice[] {
  if (isList(value) && value.length > 0 && old.items.length > 0) return editList(document, old, value);
  const text = render(value, { style: 'plain', inFlow: old.inFlow });
  if (old.flow) {
    refuseComments(document, old);
    return [{ start: old.start, end: old.end, text }];
  }
  return [{ start: leaf.keyEnd, end: leaf.keyEnd, text: ` ${text}` }, ...removeLines(document, old.items)];
}

function addSetting(document: SettingsDocument, name: string, value: SettingValue): Splice {
  const { root, source } = document;
  const parent = root?.entries.find((entry) => entry.key === name);
  if (parent !== undefined) {
    const what = `"${name}" stands here as the parent of other settings and cannot have a value beside them.`;
    throw source.error('conflict', parent.start, what);
  }
  const place = { inFlow: root?.flow ?? false };
  const written = isList(value) ? renderList(value) : renderScalar(value, place);
  const text = `${renderScalar(name, place)}: ${written}`;
  return root?.flow ? appendFlowItem(root, root.entries, text) : addLine(document, text);
}

/**
 * A line at the end of the file, flat: what Remora added stands in one place, and taking the line away gives back the file as it was. A file without a last line
 * break stays one: the break goes before the new line instead of behind it.
 */
function addLine(document: SettingsDocument, text: string): Splice {
  const { root, source, tail } = document;
  const [first] = root?.entries ?? [];
  const line = (first === undefined ? '' : source.before(first.start)) + text;
  const lineBreak = source.lineBreakNear(tail);
  const breakFirst = source.before(tail) !== '';
  return { start: tail, end: tail, text: breakFirst ? lineBreak + line : line + lineBreak };
}
