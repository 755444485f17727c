import { stringify } from 'yaml';

export type SettingValue = string | number | boolean | readonly string[];

/** How elasticsearch.yml is written: `a.b.c: x`, or a mapping in a mapping. */
export type SettingsStyle = 'flat' | 'nested';

/** The text of an elasticsearch.yml. `extra` lines come last, as they are. */
export function settingsText(
  settings: ReadonlyMap<string, SettingValue>,
  style: SettingsStyle,
  extra: readonly string[],
): string {
  const comment = '# Kept by hand: this comment must survive.\n';
  const content = style === 'flat' ? Object.fromEntries(settings) : nested(settings);
  return `${comment}${stringify(content)}${extra.map((line) => `${line}\n`).join('')}`;
}

interface Tree {
  [key: string]: Tree | SettingValue;
}

function nested(settings: ReadonlyMap<string, SettingValue>): Tree {
  const top: Tree = {};
  for (const [name, value] of settings) {
    const parents = name.split('.');
    const leaf = parents.pop() ?? name;
    let at = top;
    for (const parent of parents) {
      const next = at[parent] ?? {};
      if (!isTree(next)) throw new Error(`${name} and ${parent} can't both be settings of a nested elasticsearch.yml.`);
      at[parent] = next;
      at = next;
    }
    at[leaf] = value;
  }
  return top;
}

function isTree(value: Tree | SettingValue): value is Tree {
  return typeof value === 'object' && !Array.isArray(value);
}
