import type { SettingValue } from '@remora/shared/settings.ts';
import { stringify } from 'yaml';
import type { ScalarStyle } from './document.ts';

type Single = Exclude<SettingValue, readonly string[]>;

/** Where a value is going to stand. In a flow collection (`[…]`, `{…}`) plain text must do without brackets, braces and commas. */
export interface RenderPlace {
  readonly style?: ScalarStyle;
  readonly inFlow: boolean;
}

/** A scalar on one line, in the quotes of the one that it replaces where they can hold it; a new one is quoted only where it must be. */
export function renderScalar(value: Single, { style, inFlow }: RenderPlace): string {
  const text = String(value);
  const oneLine = !needsEscape.test(text);
  if (style === 'single' && oneLine) return `'${text.replaceAll("'", "''")}'`;
  if (style === 'double') return doubleQuoted(text);
  if (typeof value !== 'string') return text;
  return oneLine && readsAsText(text) && !(inFlow && breaksFlow.test(text)) ? text : doubleQuoted(text);
}

/** A list in flow style: `[a, b]`, or each item in `style`. */
export const renderList = (items: readonly string[], style?: ScalarStyle): string =>
  `[${items.map((item) => renderScalar(item, { inFlow: true, ...(style && { style }) })).join(', ')}]`;

/** Whether text without quotes stays this text: for YAML 1.2, and for YAML 1.1, by which Elasticsearch's parser takes `1:30` for a number. */
const readsAsText = (text: string): boolean =>
  stringify(text, { compat: 'yaml-1.1', lineWidth: 0, blockQuote: false }) === `${text}\n`;

/** What plain text inside brackets can't hold; `?`, and `:` at its beginning, are refused there by Elasticsearch's parser alone. */
const breaksFlow = /[,[\]{}?]|^:/;

/** Control characters, line breaks of YAML 1.1, and halves of surrogate pairs: they stand in a file only as escapes. */
const needsEscape = /[\p{Cc}\p{Cs}\u2028\u2029\uFEFF]/u;

/** JSON strings are YAML's double-quoted scalars (YAML 1.2, 1.3); only what JSON leaves raw and YAML does not take is escaped on top. */
const doubleQuoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007F-\u009F\u2028\u2029\uFEFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
