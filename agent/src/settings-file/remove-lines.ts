import { commentsIn, type SettingsDocument } from './document.ts';
import type { Line, SourceText, Span, Splice } from './read/source-text.ts';

/**
 * Takes out the lines that the spans touch, each a whole entry or list item of a block collection, and leaves every comment on them: a line that is a comment
 * stays as it is, a comment behind a removed value stays as a line of its own, at `indent` or at the indentation that the line had.
 */
export function removeLines(document: SettingsDocument, spans: readonly Span[], indent?: string): Splice[] {
  const { source } = document;
  const touched = new Set(spans.flatMap((span) => linesOf(source, span)));
  const gone: Line[] = [];
  const splices: Splice[] = [];
  for (const line of touched) {
    const [comment] = commentsIn(document, line);
    if (comment === undefined) gone.push(line);
    else if (source.before(comment.start).trim() !== '') {
      splices.push({ start: line.start, end: comment.start, text: indent ?? indentOf(source, line) });
    }
  }
  return [...splices, ...deleteLines(source, gone)];
}

function linesOf(source: SourceText, span: Span): Line[] {
  const first = source.lineIndexAt(span.start);
  return source.lines.slice(first, source.lineIndexAt(Math.max(span.start, span.end - 1)) + 1);
}

function indentOf(source: SourceText, line: Line): string {
  const content = source.text.slice(line.start, line.contentEnd);
  return content.slice(0, content.length - content.trimStart().length);
}

/**
 * Deletes whole lines. When the last line goes and had no line break, the break before it goes instead, so that a file without a last line break stays one:
 * `appendLine` adds exactly what this takes away.
 */
function deleteLines(source: SourceText, lines: readonly Line[]): Splice[] {
  const gone = new Set(lines);
  const last = source.lines.at(-1);
  const unterminated = last !== undefined && last.start < last.end && gone.has(last);
  const survivor = unterminated ? source.lines.findLast((line) => !gone.has(line)) : undefined;
  const splices = lines.map(({ start, end }) => ({ start, end, text: '' }));
  return survivor === undefined ? splices : [...splices, { start: survivor.contentEnd, end: survivor.end, text: '' }];
}
