import type { SourceText, Span } from './read/source-text.ts';
import type { SourceToken } from './read/source-tokens.ts';

/** elasticsearch.yml as the editor sees it: what it means, and where in the text each piece stands. */
export interface SettingsDocument {
  readonly source: SourceText;
  /** Absent in a file without content. */
  readonly root: MapValue | undefined;
  readonly comments: readonly SourceToken[];
  readonly commas: readonly SourceToken[];
  /** Every setting by its flattened name, in the order of the file. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Where a line can be added behind everything: the end of the text, or its `...`. */
  readonly tail: number;
}

/** One setting with the entries that lead to it, from the root mapping to the one that holds its value. */
export interface Setting {
  readonly path: readonly Placement[];
  readonly leaf: Entry;
  readonly value: LeafValue;
}

export interface Placement {
  readonly map: MapValue;
  readonly entry: Entry;
}

/** `key: value` in a mapping; the span reaches from the key to the end of the value. */
export interface Entry extends Span {
  readonly key: string;
  /** Behind the colon, or behind the key where a flow mapping has a key alone. */
  readonly keyEnd: number;
  readonly hasColon: boolean;
  readonly value: Value;
}

export interface MapValue extends Span {
  readonly kind: 'map';
  readonly flow: boolean;
  readonly entries: readonly Entry[];
}

export interface ListValue extends Span {
  readonly kind: 'list';
  readonly flow: boolean;
  readonly inFlow: boolean;
  readonly items: readonly ListItem[];
}

/** The span of an item in block style begins at its dash. */
export interface ListItem extends Span {
  readonly value: ScalarValue;
}

export type ScalarStyle = 'plain' | 'single' | 'double' | 'block';

export interface ScalarValue extends Span {
  readonly kind: 'scalar';
  readonly style: ScalarStyle;
  readonly inFlow: boolean;
  /** The text that Elasticsearch takes as value; null for `~`, `null` and nothing at all. */
  readonly text: string | null;
}

export type LeafValue = ScalarValue | ListValue;
export type Value = LeafValue | MapValue;

/** The comments that begin in a span. */
export const commentsIn = (document: SettingsDocument, span: Span): SourceToken[] =>
  document.comments.filter((comment) => comment.start >= span.start && comment.start < span.end);
