import { type Document, isMap, isScalar, isSeq, type Pair, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Entry, ListItem, ListValue, MapValue, ScalarStyle, ScalarValue, Value } from '../document.ts';
import type { SourceText, Span } from './source-text.ts';
import type { SourceToken } from './source-tokens.ts';

/** Scalars that Elasticsearch reads as null (YAML 1.1, `tag:yaml.org,2002:null`). */
const nulls: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);

/** Other spellings of a boolean, which Elasticsearch reads in lower case; `yes` and `on` stay text. */
const booleans: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['TRUE', 'true'],
  ['False', 'false'],
  ['FALSE', 'false'],
]);

const styles: Readonly<Record<string, ScalarStyle>> = {
  [Scalar.PLAIN]: 'plain',
  [Scalar.QUOTE_SINGLE]: 'single',
  [Scalar.QUOTE_DOUBLE]: 'double',
  [Scalar.BLOCK_FOLDED]: 'block',
  [Scalar.BLOCK_LITERAL]: 'block',
};

/** Turns the `yaml` package's nodes into the editor's, with the exact place of each, and refuses what settings cannot be. */
export class DocumentReader {
  readonly #source: SourceText;
  readonly #tokens: readonly SourceToken[];

  constructor(source: SourceText, tokens: readonly SourceToken[]) {
    this.#source = source;
    this.#tokens = tokens;
  }

  read(document: Document.Parsed | undefined): MapValue | undefined {
    const contents = document?.contents ?? null;
    if (contents === null || (isScalar(contents) && contents.source === '' && contents.type === Scalar.PLAIN)) {
      return undefined;
    }
    if (isMap(contents)) return this.#map(contents, false);
    const what = 'the file must be a mapping of settings ("name: value"), not a list or a single value.';
    throw this.#source.error('root', contents.range[0], what);
  }

  #map(node: YAMLMap, inFlow: boolean): MapValue {
    const flow = node.flow === true;
    const entries = node.items.map((pair) => this.#entry(pair, inFlow || flow));
    return { kind: 'map', flow, entries, ...this.#collectionSpan(node, flow, entries) };
  }

  #entry(pair: Pair, inFlow: boolean): Entry {
    const { key: keyNode } = pair;
    if (!isScalar(keyNode) || typeof keyNode.source !== 'string') {
      throw this.#source.error('key', rangeOf(keyNode)?.start ?? 0, 'a key must be the name of a setting.');
    }
    const keySpan = rangeOf(keyNode) ?? { start: 0, end: 0 };
    const key = keyNode.source;
    if (key === '') throw this.#source.error('key', keySpan.start, 'a key must be the name of a setting.');
    if (key === '<<') {
      throw this.#source.error('anchor', keySpan.start, '"<<" is a merge key; write the settings out.');
    }
    const next = this.#tokens.find((token) => token.start >= keySpan.end && !isFiller(token));
    const colon = next?.type === 'map-value-ind' ? next : undefined;
    const keyEnd = colon?.end ?? keySpan.end;
    const value = this.#value(pair.value, keyEnd, inFlow);
    return {
      key,
      keyEnd,
      hasColon: colon !== undefined,
      value,
      start: keySpan.start,
      end: Math.max(keyEnd, value.end),
    };
  }

  #value(node: unknown, keyEnd: number, inFlow: boolean): Value {
    if (isMap(node)) return this.#map(node, inFlow);
    if (isSeq(node)) return this.#list(node, inFlow);
    if (isScalar(node)) return this.#scalar(node, keyEnd, inFlow);
    return { kind: 'scalar', style: 'plain', inFlow, text: null, start: keyEnd, end: keyEnd };
  }

  #list(node: YAMLSeq, inFlow: boolean): ListValue {
    const flow = node.flow === true;
    const items = node.items.map((item) => this.#item(item, flow, inFlow || flow));
    return { kind: 'list', flow, inFlow, items, ...this.#collectionSpan(node, flow, items) };
  }

  #item(node: unknown, flow: boolean, inFlow: boolean): ListItem {
    const at = rangeOf(node)?.start ?? 0;
    const value = isScalar(node) ? this.#scalar(node, at, inFlow) : undefined;
    if (value === undefined || value.text === null) {
      throw this.#source.error('value', at, 'an item of a list must be text, a number or a boolean.');
    }
    const dash = this.#tokens.findLast((token) => token.type === 'seq-item-ind' && token.start < value.start);
    return { value, start: flow ? value.start : (dash?.start ?? value.start), end: value.end };
  }

  #scalar(node: Scalar, keyEnd: number, inFlow: boolean): ScalarValue {
    const style = styles[node.type ?? Scalar.PLAIN] ?? 'plain';
    const range = rangeOf(node) ?? { start: keyEnd, end: keyEnd };
    const text = node.source ?? '';
    // Nothing behind the colon has its place behind the colon, wherever the comments and blank lines that follow end.
    if (style === 'plain' && text === '') {
      return { kind: 'scalar', style, inFlow, text: null, start: keyEnd, end: keyEnd };
    }
    // A block scalar's range takes in its last line break and the blank lines that follow: they stay whatever becomes of the value.
    const end =
      style === 'block' ? range.start + this.#source.text.slice(range.start, range.end).trimEnd().length : range.end;
    return {
      kind: 'scalar',
      style,
      inFlow,
      text: style === 'plain' ? plainText(text) : text,
      start: range.start,
      end,
    };
  }

  /** A block collection ends with its last child: its range in the document model also takes in comments behind it. */
  #collectionSpan(node: YAMLMap | YAMLSeq, flow: boolean, children: readonly Span[]): Span {
    const range = rangeOf(node) ?? { start: 0, end: 0 };
    return { start: range.start, end: flow ? range.end : (children.at(-1)?.end ?? range.end) };
  }
}

const plainText = (text: string): string | null => (nulls.has(text) ? null : (booleans.get(text) ?? text));

const isFiller = (token: SourceToken): boolean =>
  token.type === 'space' || token.type === 'newline' || token.type === 'comment';

/** Where a node begins and where its value ends. */
function rangeOf(node: unknown): Span | undefined {
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return undefined;
  return node.range ? { start: node.range[0], end: node.range[1] } : undefined;
}
