import type { Entry, Placement, Setting, SettingsDocument } from './document.ts';
import { removeFlowItem } from './read/flow-items.ts';
import type { Span, Splice } from './read/source-text.ts';
import { removeLines } from './remove-lines.ts';

/** What takes a setting out, with the parents that have nothing else: a key left without a value would keep Elasticsearch from starting. Comments stay. */
export function removeSetting(document: SettingsDocument, name: string): Splice[] {
  const setting = document.settings.get(name);
  if (setting === undefined) return [];
  const chain = emptied(setting);
  const [top] = chain;
  if (top === undefined) return [];
  if (top.map.flow) return removeFlowItem(document, top.map.entries, top.map.entries.indexOf(top.entry));
  return [
    ...removeLines(document, ownSpans(chain.map(({ entry }) => entry)), indentOf(document, top.entry)),
    ...dedentComments(document, top),
  ];
}

/** The entry of the setting and, before it, its parents that hold nothing else. */
function emptied({ path }: Setting): readonly Placement[] {
  const top = path.findLastIndex(({ map }, depth) => depth === 0 || map.entries.length > 1);
  return path.slice(top);
}

/** The places that the entries of a chain take themselves: `parent:` for each, down to the one that holds its value beside its key. */
function ownSpans([entry, ...children]: readonly Entry[]): Span[] {
  if (entry === undefined) return [];
  if (entry.value.kind !== 'map' || entry.value.flow) return [entry];
  return [{ start: entry.start, end: entry.keyEnd }, ...ownSpans(children)];
}

/**
 * Comments left behind a block scalar (`key: |`) would become its text, unless they lose their indentation. That goes for those inside the removed entry and for
 * those that follow it.
 */
function dedentComments(document: SettingsDocument, { map, entry }: Placement): Splice[] {
  const { source, comments } = document;
  const index = map.entries.indexOf(entry);
  if (!endsInBlockScalar(map.entries[index - 1])) return [];
  const indent = indentOf(document, entry).length;
  const end = map.entries[index + 1]?.start ?? source.text.length;
  return comments
    .filter((comment) => comment.start > entry.start && comment.start < end)
    .map((comment) => ({ start: source.lineAt(comment.start).start, end: comment.start, text: '' }))
    .filter((gap) => gap.end - gap.start > indent && source.text.slice(gap.start, gap.end).trim() === '')
    .map((gap) => ({ ...gap, start: gap.start + indent }));
}

const indentOf = ({ source }: SettingsDocument, entry: Entry): string => source.before(entry.start);

function endsInBlockScalar(entry: Entry | undefined): boolean {
  if (entry === undefined) return false;
  const { value } = entry;
  if (value.kind === 'map') return endsInBlockScalar(value.entries.at(-1));
  return (value.kind === 'list' ? value.items.at(-1)?.value : value)?.style === 'block';
}
