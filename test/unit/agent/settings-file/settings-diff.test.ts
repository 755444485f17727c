import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editSettings } from '../../../../agent/src/settings-file/edit.ts';
import { lineChanges } from '../../../../agent/src/settings-file/line-changes.ts';
import { maskedLines } from '../../../../agent/src/settings-file/masked-lines.ts';
import { settingsDiff } from '../../../../agent/src/settings-file/settings-diff.ts';

const diffOf = (text: string, edit: Parameters<typeof editSettings>[1]): string[] =>
  settingsDiff(text, editSettings(text, edit), 'elasticsearch.yml').split('\n').slice(2);

describe('a diff of elasticsearch.yml', () => {
  test('shows a changed setting where it stands and a new one at the end, with two lines around each', () => {
    const text = ['# 1', '# 2', 'a: 1', '# 4', '# 5', '# 6', '# 7', '# 8', '# 9', 'b: 2', ''].join('\n');
    expect(diffOf(text, { set: { a: 2, c: 3 } })).toEqual([
      ...['@@ -1,5 +1,5 @@', ' # 1', ' # 2', '-a: 1', '+a: 2', ' # 4', ' # 5'],
      ...['@@ -9,2 +9,3 @@', ' # 9', ' b: 2', '+c: 3'],
    ]);
  });

  test('says which last line has no line break', () => {
    expect(diffOf('a: 1', { set: { b: 2 } })).toEqual([
      ...['@@ -1,1 +1,2 @@', '-a: 1', '\\ No newline at end of file', '+a: 1', '+b: 2', '\\ No newline at end of file'],
    ]);
    expect(diffOf('a: 1\nb: 2', { set: { a: 2 } })).toEqual([
      ...['@@ -1,2 +1,2 @@', '-a: 1', '+a: 2', ' b: 2', '\\ No newline at end of file'],
    ]);
  });

  test('of a file without content begins behind line 0, and of one that stays as it is there is none', () => {
    expect(diffOf('', { set: { a: 1 } })).toEqual(['@@ -0,0 +1,1 @@', '+a: 1']);
    expect(settingsDiff('a: 1\n', editSettings('a: 1\n', { set: { a: '1' } }), 'elasticsearch.yml')).toBe('');
  });

  test('is the same with the line breaks of Windows and a byte order mark', () => {
    expect(diffOf('\uFEFFa: 1\r\nb: 2\r\n', { set: { b: 3 } })).toEqual(['@@ -1,2 +1,2 @@', ' a: 1', '-b: 2', '+b: 3']);
  });
});

const secret = 'hunter2-of-the-test';

describe('a secret in elasticsearch.yml', () => {
  test.each([
    ['a value', `xpack.x.password: ${secret}`],
    ['a nested one', `xpack:\n  x:\n    bind_password: "${secret}"`],
    ['a block', `my.token: |\n  ${secret}\n  ${secret}\nb: 1`],
    ['a list', `my.secrets: [${secret}, # ${secret} is a secret\n  ${secret}]`],
    ['a list of lines', `my.secrets:\n  - ${secret}\n  - "${secret}"`],
    ['a setting that was commented out', `a: 1\n#xpack.x.secure_password: ${secret}`],
    ['a comment behind a value', `a: 1 # the password is ${secret}`],
    ['a URL', `a: https://me:${secret}@example.com/`],
    ['a key of a cloud', `s3.client.default.access_key: ${secret}`],
  ])('is masked: %s', (_, text) => {
    const lines = maskedLines(text);
    expect(lines.join('\n')).not.toContain(secret);
    expect(lines).toHaveLength(text.split('\n').length);
    expect(settingsDiff(text, editSettings(text, { set: { z: 1 } }), 'f')).not.toContain(secret);
  });

  test('leaves everything else as it is', () => {
    expect(maskedLines('# hello\na: [1, 2] # two\nb: "x"\nc.password: y\n')).toEqual([
      ...['# hello', 'a: [1, 2] # two', 'b: "x"', 'c.password: ***'],
    ]);
  });
});

test('the signs of a diff lead from one list of lines to the other, over as many kept lines as there can be', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const [one, other] = [[...before], [...after]];
      for (const sign of lineChanges(before, after)) {
        const went = sign === '+' ? undefined : one.shift();
        const came = sign === '-' ? undefined : other.shift();
        if (sign === ' ') expect(went).toBe(came);
      }
      expect([one, other]).toEqual([[], []]);
      const kept = lineChanges(before, after).filter((sign) => sign === ' ').length;
      expect(kept).toBe(longestCommon(before, after));
    }),
  );
});

/** The length of the longest common subsequence, by its definition. */
const longestCommon = (a: readonly string[], b: readonly string[]): number => {
  const row = new Array<number>(b.length + 1).fill(0);
  for (const x of a) {
    let diagonal = 0;
    for (const [j, y] of b.entries()) {
      const above = row[j + 1] ?? 0;
      row[j + 1] = x === y ? diagonal + 1 : Math.max(above, row[j] ?? 0);
      diagonal = above;
    }
  }
  return row[b.length] ?? 0;
};
