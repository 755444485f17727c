import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import { undoSettings } from '../journal/undo.ts';
import { readSettings } from '../settings-file/edit.ts';
import type { PastDelivery } from './deliveries.ts';
import type { Standing } from './files.ts';

type Value = SettingValue | null | undefined;

/** One setting of elasticsearch.yml that deliveries changed; absent values do not stand in the file. */
export interface PastSetting {
  readonly name: string;
  readonly standing: Exclude<Standing, 'lost'>;
  readonly now?: SettingValue | null;
  readonly before?: SettingValue | null;
}

/** A key without a value is not the same as no key. */
const same = (a: Value, b: Value): boolean => (a === undefined || b === undefined ? a === b : sameSettingValue(a, b));

/** Goes back over the deliveries, setting by setting: the text without what they made of it, and how each setting stands. */
export const pastSettings = (
  text: string,
  past: readonly PastDelivery[],
): { readonly text: string; readonly settings: readonly PastSetting[] } => {
  const now = readSettings(text);
  const before = new Map<string, Value>();
  const foreign = new Set<string>();
  let current = text;
  for (const { record } of past) {
    const undone = undoSettings(current, record.settings);
    for (const name of undone.foreign) foreign.add(name);
    for (const change of record.settings) before.set(change.name, change.before);
    current = undone.text;
  }
  const standingOf = (name: string, was: Value): PastSetting['standing'] =>
    same(now[name], was) ? 'back' : foreign.has(name) ? 'foreign' : 'ours';
  const settings = [...before].map(([name, was]): PastSetting => {
    const values = {
      ...(now[name] === undefined ? {} : { now: now[name] }),
      ...(was === undefined ? {} : { before: was }),
    };
    return { name, standing: standingOf(name, was), ...values };
  });
  return { text: current, settings };
};
