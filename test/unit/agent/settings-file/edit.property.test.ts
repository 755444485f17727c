import type { SettingValue } from '@remora/shared/settings.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { editSettings, readSettings } from '../../../../agent/src/settings-file/edit.ts';
import { type GeneratedFile, isPrefix, settingNames, settingsFile, settingValue } from './elasticsearch-yml.ts';

/** More runs than the suite takes: `EDITOR_RUNS=5000 vitest run …`. */
const parameters = { numRuns: Number(process.env.EDITOR_RUNS ?? 300) };

type Flat = Record<string, string[] | null>;

/** Elasticsearch's view of a value, a list of texts, and a flattening that shares no code with the editor. */
const plain = (value: unknown): string[] | null => {
  if (value === null || value === undefined) return null;
  return Array.isArray(value) ? value.map(String) : [String(value)];
};

const flatten = (value: unknown, prefix = ''): Flat => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { [prefix]: plain(value) };
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, v]) => flatten(v, prefix === '' ? key : `${prefix}.${key}`)),
  );
};

const byYaml = (text: string): Flat => {
  const root: unknown = parse(text.replace(/^\uFEFF/, ''), { intAsBigInt: true });
  return root === null || root === undefined ? {} : flatten(root);
};

const byEditor = (text: string): Flat =>
  Object.fromEntries(Object.entries(readSettings(text)).map(([name, value]) => [name, plain(value)]));

interface Scenario {
  readonly file: GeneratedFile;
  readonly set: Record<string, SettingValue>;
  readonly remove: string[];
}

/** Settings of the file changed and removed, and new ones. */
const scenario: fc.Arbitrary<Scenario> = settingsFile.chain((file) =>
  fc
    .record({
      existing: fc.subarray([...file.names]),
      split: fc.nat(8),
      added: settingNames(3).map((names) => names.filter((name) => !file.names.some((other) => isPrefix(name, other)))),
      values: fc.array(settingValue, { minLength: 12, maxLength: 12 }),
    })
    .map(({ existing, split, added, values }) => ({
      file,
      remove: existing.slice(0, split),
      set: Object.fromEntries([...existing.slice(split), ...added].map((name, i) => [name, values[i] ?? ''])),
    })),
);

const newSettings = fc
  .tuple(
    settingsFile,
    settingNames(5),
    fc.array(settingValue, { minLength: 5, maxLength: 5 }),
    fc.infiniteStream(fc.nat()),
  )
  .map(([file, names, values, ranks]) => {
    const fresh = names.filter((name) => !file.names.some((other) => isPrefix(name, other)));
    const shuffled = fresh.map((name) => ({ name, rank: ranks.next().value ?? 0 })).toSorted((a, b) => a.rank - b.rank);
    return {
      file,
      set: Object.fromEntries(fresh.map((name, i) => [name, values[i] ?? ''])),
      removals: shuffled.map(({ name }) => name),
    };
  });

const contents = (text: string): string[] => text.replace(/^\uFEFF/, '').split(/\r?\n/);

/** A comment may lose its indentation: behind a removed setting it would become text of a block scalar before that. */
const comparable = (line: string): string => (line.trimStart().startsWith('#') ? line.trimStart() : line);

/** Lines that do not stand in the text, or not in this order. */
const missing = (lines: readonly string[], text: readonly string[]): string[] => {
  let next = 0;
  for (const line of text) if (line === lines[next]) next += 1;
  return lines.slice(next);
};

// Many runs on a busy machine take longer than a test's usual limit.
describe('editSettings, whatever the file looks like', { timeout: 600_000 }, () => {
  test('reads what the yaml package reads', () => {
    fc.assert(
      fc.property(settingsFile, ({ text }) => {
        expect(byEditor(text)).toEqual(byYaml(text));
      }),
      parameters,
    );
  });

  test('makes exactly the wanted change and nothing else', () => {
    fc.assert(
      fc.property(scenario, ({ file, set, remove }) => {
        const expected = byYaml(file.text);
        for (const name of remove) delete expected[name];
        for (const [name, value] of Object.entries(set)) expected[name] = plain(value);
        const result = editSettings(file.text, { set, remove });
        expect(byYaml(result)).toEqual(expected);
        expect(byEditor(result)).toEqual(expected);
      }),
      parameters,
    );
  });

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(scenario, ({ file, set, remove }) => {
        const once = editSettings(file.text, { set, remove });
        expect(editSettings(once, { set, remove })).toBe(once);
      }),
      parameters,
    );
  });

  test('gives the first text back when new settings are removed, in any order, one by one or together', () => {
    fc.assert(
      fc.property(newSettings, ({ file, set, removals }) => {
        const changed = editSettings(file.text, { set });
        const undone = removals.reduce((text, name) => editSettings(text, { remove: [name] }), changed);
        expect(undone).toBe(file.text);
        expect(editSettings(changed, { remove: removals })).toBe(file.text);
      }),
      parameters,
    );
  });

  test('keeps every line that the edit does not concern, every comment, and the kind of line break', () => {
    fc.assert(
      fc.property(scenario, ({ file, set, remove }) => {
        const result = editSettings(file.text, { set, remove });
        const concerned = new Set([...Object.keys(set), ...remove]);
        const kept = file.lines.filter(({ owners, belongsTo }) =>
          belongsTo === 'each'
            ? !owners.some((name) => concerned.has(name))
            : owners.length === 0 || owners.some((name) => !concerned.has(name)),
        );
        const notBlank = kept.map((line) => comparable(line.text)).filter((line) => line !== '');
        expect(missing(notBlank, contents(result).map(comparable))).toEqual([]);
        for (const comment of file.comments) expect(result.split(comment)).toHaveLength(2);
        if (file.text.includes('\r\n')) expect(result.replaceAll('\r\n', '')).not.toContain('\n');
        expect(result.startsWith('\uFEFF')).toBe(file.text.startsWith('\uFEFF'));
      }),
      parameters,
    );
  });
});
