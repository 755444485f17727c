import { SettingsFileError, type SettingsFileReason } from '../settings-file-error.ts';

/** A stretch of the text, in UTF-16 units; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Line extends Span {
  /** Where the line break begins; equal to `end` on a last line without one. */
  readonly contentEnd: number;
}

/** Replaces `span` by `text`; an empty span inserts. */
export interface Splice extends Span {
  readonly text: string;
}

/** The text of a file with its lines, without a byte order mark. */
export class SourceText {
  readonly text: string;
  readonly lines: readonly Line[];
  readonly #usualBreak: string;

  /** `usualBreak` is the line break for a text that has none. */
  constructor(text: string, usualBreak = '\n') {
    this.text = text;
    this.#usualBreak = usualBreak;
    this.lines = splitLines(text);
  }

  /** Index of the line that holds `offset`; the place behind the last line break counts as the last line. */
  lineIndexAt(offset: number): number {
    const index = this.lines.findIndex((line) => offset < line.end);
    return index === -1 ? this.lines.length - 1 : index;
  }

  lineAt(offset: number): Line {
    return this.lines[this.lineIndexAt(offset)] ?? { start: 0, contentEnd: 0, end: 0 };
  }

  /** What stands between the start of the line and `offset`. */
  before(offset: number): string {
    return this.text.slice(this.lineAt(offset).start, offset);
  }

  /** The line break in use just before `offset`, or the first one of the file, or the usual one. */
  lineBreakNear(offset: number): string {
    const broken = this.lines.filter((line) => line.contentEnd < line.end);
    const line = broken.findLast(({ end }) => end <= offset) ?? broken[0];
    return line === undefined ? this.#usualBreak : this.text.slice(line.contentEnd, line.end);
  }

  error(reason: SettingsFileReason, offset: number, what: string): SettingsFileError {
    const line = this.lineIndexAt(offset);
    return new SettingsFileError(reason, line + 1, offset - this.lineAt(offset).start + 1, what);
  }
}

function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let feed = text.indexOf('\n', start); feed !== -1; feed = text.indexOf('\n', start)) {
    lines.push({ start, contentEnd: text[feed - 1] === '\r' && feed > start ? feed - 1 : feed, end: feed + 1 });
    start = feed + 1;
  }
  lines.push({ start, contentEnd: text.length, end: text.length });
  return lines;
}

/** The text with all splices made at once. They must not overlap; splices at one place keep their order. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = '';
  let done = 0;
  for (const splice of splices.toSorted((a, b) => a.start - b.start)) {
    if (splice.start < done) throw new Error(`The edits of elasticsearch.yml overlap at offset ${splice.start}.`);
    result += text.slice(done, splice.start) + splice.text;
    done = splice.end;
  }
  return result + text.slice(done);
}
