import { readSettings } from '../settings-file/edit.ts';

const NAMES = 'trust.subject_name';

/**
 * The patterns of a file with trust restrictions, as Elasticsearch reads it: YAML settings, nested or with dots, a list or a text with commas. Null where the text is no such
 * file, or names nobody.
 */
export const trustedNamesIn = (text: string): string[] | null => {
  try {
    const value = readSettings(text)[NAMES];
    if (value === undefined || value === null || typeof value === 'boolean') return null;
    const names = (typeof value === 'object' ? [...value] : String(value).split(',')).map((name) => name.trim());
    return names.filter((name) => name !== '');
  } catch {
    return null;
  }
};
