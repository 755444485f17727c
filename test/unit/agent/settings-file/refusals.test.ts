import { describe, expect, test } from 'vitest';
import {
  editSettings,
  readSettings,
  type SettingsEdit,
  SettingsFileError,
  type SettingsFileReason,
} from '../../../../agent/src/settings-file/edit.ts';

const refusal = (act: () => unknown): SettingsFileError => {
  try {
    act();
  } catch (error) {
    if (error instanceof SettingsFileError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
};

type Refused = [text: string, reason: SettingsFileReason, line: number, column: number];

describe('files that cannot be edited safely', () => {
  const cases: Refused[] = [
    ['a: 1\nb: "x', 'syntax', 2, 6],
    ['a: [1, 2\nb: 1\n', 'syntax', 2, 1],
    ['a: b: c\n', 'syntax', 1, 4],
    ['a: 1\n b: 2\n', 'syntax', 1, 4],
    ['a: 1\nsecret\n', 'syntax', 2, 1],
    ['a: "\\q"\n', 'syntax', 1, 5],
    ['a: 1\n\n  b: 1\r\n c: 1\r\n', 'syntax', 1, 4],
    ['a: 1\rb: 2\r', 'character', 1, 5],
    ['a: 1\n# note\u0085b: 2\n', 'character', 2, 7],
    ['a: "\u2028"', 'character', 1, 5],
    ['a: \u0000', 'character', 1, 4],
    ['a: 1 \uFEFF', 'character', 1, 6],
    ['a:\n\tb: 1\n', 'tab', 2, 1],
    ['a:\n  b: 1\n\tc: 1\n', 'tab', 3, 1],
    ['a:\n  \tb: 1\n', 'tab', 2, 3],
    ['a:\tb\n', 'tab', 1, 3],
    ['a: [\n\tx\n]\n', 'tab', 2, 1],
    ['\t# x\n', 'tab', 1, 1],
    ['a: 1\nb: 2\na: 1\n', 'duplicate', 3, 1],
    ['a.b: 1\na:\n  b: 1\n', 'duplicate', 3, 3],
    ['a:\n  b.c: 1\na.b:\n  "c": 1\n', 'duplicate', 4, 3],
    ['a:\n  b: 1\na:\n  c: 1\n', 'duplicate', 3, 1],
    ['{a: {b: 1}, a.b: 2}', 'duplicate', 1, 13],
    ['\uFEFFa: 1\r\na: 1\r\n', 'duplicate', 2, 1],
    ['a: &x 1\nb: *x\n', 'anchor', 1, 4],
    ['a: 1\nb: *\n', 'anchor', 2, 4],
    ['a:\n  <<: {b: 1}\n', 'anchor', 2, 3],
    ['a: !!str 1\n', 'tag', 1, 4],
    ['a: !x\n', 'tag', 1, 4],
    ['a: 1\n---\nb: 1\n', 'documents', 2, 1],
    ['---\na: 1\n---\n', 'documents', 3, 1],
    ['a: 1\n...\nb: 1\n', 'documents', 3, 1],
    ['# x\n- a\n', 'root', 2, 1],
    ['text\n', 'root', 1, 1],
    ['[a]', 'root', 1, 1],
    ['? a\n: 1\n', 'key', 1, 1],
    ['[a]: 1\n', 'key', 1, 1],
    [': 1\n', 'key', 1, 1],
    ['a:\n  - b: 1\n', 'value', 2, 5],
    ['a: [[b]]\n', 'value', 1, 5],
    ['a: [x: y]\n', 'value', 1, 5],
    ['a:\n  - x\n  -\n', 'value', 3, 4],
  ];
  test.each(cases)('%j is refused: %s in line %i, column %i', (text, reason, line, column) => {
    const edits: SettingsEdit[] = [{ set: { z: 1 } }, { remove: ['z'] }, {}];
    for (const act of [() => readSettings(text), ...edits.map((edit) => () => editSettings(text, edit))]) {
      const { reason: found, line: foundLine, column: foundColumn, message } = refusal(act);
      expect([found, foundLine, foundColumn]).toEqual([reason, line, column]);
      expect(message).toMatch(new RegExp(`^elasticsearch\\.yml, line ${line}, column ${column}: .+\\.$`));
      expect(message).not.toContain('secret');
    }
  });
});

describe('edits that a file cannot take', () => {
  const cases: [SettingsEdit, ...Refused][] = [
    [{ set: { a: 1 } }, 'x: 1\na:\n  b: 1\n', 'conflict', 2, 1],
    [{ set: { a: 1 } }, 'a: {}\n', 'conflict', 1, 1],
    [{ set: { a: 'x' } }, 'a: [\n  b, # why\n  c ]\n', 'unsafe', 2, 6],
    [{ remove: ['a.c'] }, 'a: {\n  b: 1, # why\n  c: 1 }\n', 'unsafe', 2, 9],
    [{ remove: ['b'] }, 'a: |+\n  text\nb: 1\n\nc: 1\n', 'unsafe', 3, 1],
  ];
  test.each(cases)('%j of %j is refused: %s in line %i, column %i', (edit, text, reason, line, column) => {
    const error = refusal(() => editSettings(text, edit));
    expect([error.reason, error.line, error.column]).toEqual([reason, line, column]);
  });
});
