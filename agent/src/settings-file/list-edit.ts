import type { ListItem, ListValue, SettingsDocument } from './document.ts';
import { appendFlowItem, removeFlowItem } from './read/flow-items.ts';
import type { Splice } from './read/source-text.ts';
import { removeLines } from './remove-lines.ts';
import { renderScalar } from './render.ts';

/**
 * Turns a list that has items into another one that has items: what both have at the beginning and at the end stays, what is between is replaced item by item, so
 * that comments beside items stay.
 */
export function editList(document: SettingsDocument, list: ListValue, wanted: readonly string[]): Splice[] {
  const { items } = list;
  const head = commonLength(items, wanted);
  const tail = commonLength(items.slice(head).toReversed(), wanted.slice(head).toReversed());
  const old = items.slice(head, items.length - tail);
  const fresh = wanted.slice(head, wanted.length - tail);
  const kept = old.slice(0, fresh.length);
  const replaced = kept.map((item, i) => replaceItem(item, fresh[i] ?? ''));
  const extra = fresh.slice(kept.length);
  if (extra.length > 0) return [...replaced, ...insertItems(document, list, head + kept.length, extra)];
  const surplus = old.slice(kept.length);
  if (surplus.length === 0) return replaced;
  return [...replaced, ...removeItems(document, list, head + kept.length, surplus)];
}

function commonLength(items: readonly ListItem[], wanted: readonly string[]): number {
  const differs = items.findIndex((item, i) => item.value.text !== wanted[i]);
  return differs === -1 ? items.length : differs;
}

const replaceItem = ({ value }: ListItem, text: string): Splice => ({
  start: value.start,
  end: value.end,
  text: renderScalar(text, value),
});

function insertItems(document: SettingsDocument, list: ListValue, index: number, texts: readonly string[]): Splice[] {
  const { source } = document;
  const [before, after] = [list.items[index - 1], list.items[index]];
  const style = (before ?? after)?.value.style;
  const rendered = texts.map((text) => renderScalar(text, { inFlow: list.flow, ...(style && { style }) }));
  if (list.flow) {
    if (before !== undefined) return [appendFlowItem(list, list.items.slice(0, index), rendered.join(', '))];
    const start = after?.start ?? list.start + 1;
    return [{ start, end: start, text: `${rendered.join(', ')}, ` }];
  }
  const model = before ?? after ?? list;
  const indent = source.before(model.start);
  const lineBreak = source.lineBreakNear(model.start);
  const lines = rendered.map((text) => `${indent}- ${text}`);
  if (before === undefined) {
    const { start } = source.lineAt(model.start);
    return [{ start, end: start, text: lines.map((line) => line + lineBreak).join('') }];
  }
  const at = source.lineAt(before.end - 1).contentEnd;
  return [{ start: at, end: at, text: lines.map((line) => lineBreak + line).join('') }];
}

/** Removes one run of items; some other item of the list stays. */
function removeItems(
  document: SettingsDocument,
  list: ListValue,
  index: number,
  surplus: readonly ListItem[],
): Splice[] {
  const [first, last] = [surplus[0], surplus.at(-1)];
  if (!list.flow || first === undefined || last === undefined) return removeLines(document, surplus);
  const run = { start: first.start, end: last.end };
  const spans = [...list.items.slice(0, index), run, ...list.items.slice(index + surplus.length)];
  return removeFlowItem(document, spans, index);
}
