import { commentsIn, type SettingsDocument } from '../document.ts';
import type { Span, Splice } from './source-text.ts';

/**
 * Takes the item at `index` out of a flow collection, with the one comma that it no longer needs. A sole item is one of the root mapping: in any other collection
 * its parent goes with it.
 * @throws {SettingsFileError} `unsafe` when a comment stands between the two: it could not stay where it is.
 */
export function removeFlowItem(document: SettingsDocument, items: readonly Span[], index: number): Splice[] {
  const [before, item, after] = [items[index - 1], items[index], items[index + 1]];
  if (item === undefined) return [];
  const comma = document.commas.find((token) => token.start >= (before ?? item).end);
  let span: Span = item;
  if (before !== undefined) span = { start: comma?.start ?? item.start, end: item.end };
  else if (after !== undefined) span = { start: item.start, end: after.start };
  else if (comma !== undefined) span = { start: item.start, end: comma.end };
  refuseComments(document, span);
  return [{ start: span.start, end: span.end, text: '' }];
}

/** Puts text behind the last item of a flow collection that begins at `collection.start`. */
export function appendFlowItem(collection: Span, items: readonly Span[], text: string): Splice {
  const last = items.at(-1);
  const at = last?.end ?? collection.start + 1;
  return { start: at, end: at, text: last === undefined ? text : `, ${text}` };
}

/** @throws {SettingsFileError} `unsafe` when replacing the span would lose a comment. */
export function refuseComments(document: SettingsDocument, span: Span): void {
  const [comment] = commentsIn(document, span);
  if (comment === undefined) return;
  const what = 'this comment inside brackets would be lost; move it out of them.';
  throw document.source.error('unsafe', comment.start, what);
}
