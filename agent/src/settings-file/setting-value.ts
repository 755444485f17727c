import type { SettingValue } from '@remora/shared/settings.ts';
import type { LeafValue, ScalarValue } from './document.ts';

/** The value of a setting as its reader sees it; null for a key without one. */
export function settingValue(value: LeafValue): SettingValue | null {
  return value.kind === 'list' ? value.items.map((item) => item.value.text ?? '') : scalarValue(value);
}

/**
 * Elasticsearch takes every scalar as the text that stands in the file. A number or boolean comes out only where it says the same as that text: `1.0`, `0x10` and `1e3`
 * stay text.
 */
function scalarValue({ style, text }: ScalarValue): string | number | boolean | null {
  if (text === null || style !== 'plain') return text;
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : text;
}
