import { expect, test } from 'vitest';
import { undoSettings } from '../../../../agent/src/journal/undo.ts';

test.each([
  ['takes out what was added', 'a: 1\nours: 2\n', [{ name: 'ours', after: 2 }], 'a: 1\n', []],
  ['puts a value back', 'a: 2\ntheirs: 3\n', [{ name: 'a', before: 1, after: 2 }], 'a: 1\ntheirs: 3\n', []],
  ['puts a removed setting back', 'theirs: 3\n', [{ name: 'a', before: 1 }], 'theirs: 3\na: 1\n', []],
  ['leaves a value that somebody else gave', 'a: 9\n', [{ name: 'a', before: 1, after: 2 }], 'a: 9\n', ['a']],
  ['has nothing to do where somebody undid it', 'a: 1\n', [{ name: 'a', before: 1, after: 2 }], 'a: 1\n', []],
  [
    'takes true and "true" for the same',
    'a: "true"\n',
    [{ name: 'a', before: false, after: true }],
    'a: "false"\n',
    [],
  ],
])('undo by setting %s', (_, text, changes, expected, foreign) => {
  expect(undoSettings(text, changes)).toEqual({ text: expected, foreign });
});
