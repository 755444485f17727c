import { CST, Lexer } from 'yaml';
import type { SourceText, Span } from './source-text.ts';

export interface SourceToken extends Span {
  readonly type: CST.TokenType;
}

/** Lexemes of the `yaml` package that stand for a state of its lexer, not for a piece of the text. */
const markers: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

/**
 * The flat tokens of the text, in order and without gaps. It holds what the document model drops or moves: comments, commas, colons.
 * The text must be free of control characters (`refuseCharacters`), which the lexer uses as markers.
 */
export function sourceTokens(text: string): SourceToken[] {
  const tokens: SourceToken[] = [];
  let start = 0;
  let scalarFollows = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (markers.has(lexeme)) {
      scalarFollows = lexeme === CST.SCALAR;
      continue;
    }
    const end = start + lexeme.length;
    tokens.push({ type: (scalarFollows ? null : CST.tokenType(lexeme)) ?? 'scalar', start, end });
    start = end;
    scalarFollows = false;
  }
  return tokens;
}

/** What SnakeYAML, which Elasticsearch reads its settings with, refuses or takes for a line break (YAML 1.1, 4.1 and 5.4). */
const isForeign = (text: string, offset: number): boolean => {
  const code = text.charCodeAt(offset);
  if (code === 0x0d) return text[offset + 1] !== '\n';
  if (code < 0x20) return code !== 0x09 && code !== 0x0a;
  return (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029 || code === 0xfeff;
};

/** Refuses characters that Elasticsearch reads otherwise than the `yaml` package does: a hidden line break could hide a setting. */
export function refuseCharacters(source: SourceText): void {
  for (let offset = 0; offset < source.text.length; offset += 1) {
    if (!isForeign(source.text, offset)) continue;
    const code = source.text.charCodeAt(offset).toString(16).toUpperCase().padStart(4, '0');
    throw source.error(
      'character',
      offset,
      `the character U+${code} is no text or no line break that YAML readers agree on; remove it.`,
    );
  }
}

/** Refuses tokens that make an edit ambiguous, before the document is composed. */
export function refuseTokens(source: SourceText, tokens: readonly SourceToken[]): void {
  for (const [index, token] of tokens.entries()) {
    if (token.type === 'anchor' || token.type === 'alias') {
      const mark = token.type === 'anchor' ? '&' : '*';
      throw source.error('anchor', token.start, `"${mark}" begins an ${token.type}; write the value out, or quote it.`);
    }
    if (token.type === 'tag')
      throw source.error('tag', token.start, '"!" begins a tag; remove it, or quote the value.');
    if (token.type === 'explicit-key-ind') {
      throw source.error('key', token.start, '"?" begins an explicit key; write it as "key: value".');
    }
    refuseTab(source, token, tokens[index + 1]);
  }
}

/** SnakeYAML allows a tab before a comment or at the end of a line that has begun, nowhere else between tokens. */
function refuseTab(source: SourceText, token: SourceToken, next: SourceToken | undefined): void {
  if (token.type !== 'space') return;
  const tab = source.text.slice(token.start, token.end).indexOf('\t');
  if (tab === -1) return;
  const beginsLine = source.lineAt(token.start).start === token.start;
  if (!beginsLine && (next === undefined || next.type === 'comment' || next.type === 'newline')) return;
  throw source.error('tab', token.start + tab, 'a tab where YAML takes spaces only; replace it by spaces.');
}
