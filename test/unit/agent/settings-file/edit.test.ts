import type { SettingValue } from '@remora/shared/settings.ts';
import { describe, expect, test } from 'vitest';
import {
  editSettings,
  locateSetting,
  readSettings,
  type SettingsEdit,
} from '../../../../agent/src/settings-file/edit.ts';

interface Case {
  readonly what: string;
  readonly before: string;
  readonly edit: SettingsEdit;
  readonly after: string;
}

const run = (cases: readonly Case[]): void => {
  test.each(cases)('$what', ({ before, edit, after }) => {
    expect(editSettings(before, edit)).toBe(after);
    expect(editSettings(after, edit)).toBe(after);
  });
};

describe('a setting is changed where it stands', () => {
  const set = { 'a.b.c': 'new' };
  run([
    { what: 'flat', before: 'x: 1\na.b.c: old\ny: 2\n', edit: { set }, after: 'x: 1\na.b.c: new\ny: 2\n' },
    { what: 'nested', before: 'a:\n  b:\n    c: old\n', edit: { set }, after: 'a:\n  b:\n    c: new\n' },
    { what: 'mixed, parents joined', before: 'a.b:\n  c: old\n', edit: { set }, after: 'a.b:\n  c: new\n' },
    { what: 'mixed, children joined', before: 'a:\n  b.c: old\n', edit: { set }, after: 'a:\n  b.c: new\n' },
    { what: 'a quoted key', before: '"a.b.c": old\n', edit: { set }, after: '"a.b.c": new\n' },
    { what: 'in a flow mapping', before: 'a: {b: {c: old}, d: 1}\n', edit: { set }, after: 'a: {b: {c: new}, d: 1}\n' },
    { what: 'in a root in flow style', before: '{a.b: {c: old}}', edit: { set }, after: '{a.b: {c: new}}' },
    { what: 'spaces and a comment', before: 'a.b.c:   old   # why\n', edit: { set }, after: 'a.b.c:   new   # why\n' },
    { what: 'on the next line', before: 'a.b.c:\n    old\n', edit: { set }, after: 'a.b.c:\n    new\n' },
    { what: 'CRLF', before: 'a.b.c: old\r\ny: 2\r\n', edit: { set }, after: 'a.b.c: new\r\ny: 2\r\n' },
    { what: 'BOM, no last newline', before: '\uFEFFa.b.c: old', edit: { set }, after: '\uFEFFa.b.c: new' },
    { what: 'an empty value', before: 'a.b.c:   # todo\n', edit: { set }, after: 'a.b.c: new   # todo\n' },
    { what: 'an empty value in a flow mapping', before: '{a.b.c, d: 1}', edit: { set }, after: '{a.b.c: new, d: 1}' },
    { what: 'a null', before: 'a.b.c: ~\n', edit: { set }, after: 'a.b.c: new\n' },
    {
      what: 'single quotes stay',
      before: "a.b.c: 'old'\n",
      edit: { set: { 'a.b.c': "it's" } },
      after: "a.b.c: 'it''s'\n",
    },
    { what: 'double quotes stay', before: 'a.b.c: "old"\n', edit: { set: { 'a.b.c': 7 } }, after: 'a.b.c: "7"\n' },
    {
      what: 'a folded block',
      before: 'a.b.c: >- # why\n  old\n  text\n\ny: 2\n',
      edit: { set },
      after: 'a.b.c: new # why\n\ny: 2\n',
    },
    {
      what: 'plain text on two lines',
      before: 'a.b.c: old\n  text # why\ny: 2\n',
      edit: { set },
      after: 'a.b.c: new # why\ny: 2\n',
    },
    { what: 'before the end mark', before: '---\na.b.c: old\n...\n', edit: { set }, after: '---\na.b.c: new\n...\n' },
  ]);
});

describe('a value that Elasticsearch reads as the same is left alone', () => {
  const same: [string, SettingValue][] = [
    ['a: "true"  # x', true],
    ['a: true', 'true'],
    ["a: '9443'", 9443],
    ['a: 9443', '9443'],
    ['a: x', ['x']],
    ['a: [ x ]', 'x'],
    ['a:\n- x\n- "1"', ['x', '1']],
    ['a: >-\n  two\n  words', 'two words'],
    ['a: []', []],
  ];
  test.each(same)('%j is %j', (text, value) => expect(editSettings(text, { set: { a: value } })).toBe(text));
  test('1.0 is not 1', () => expect(editSettings('a: 1.0', { set: { a: 1 } })).toBe('a: 1'));
});

describe('lists', () => {
  const list = (...items: string[]): SettingsEdit => ({ set: { l: items } });
  run([
    {
      what: 'block: an item more',
      before: 'l:\n  - a # 1\n  # end\ny: 2\n',
      edit: list('a', 'b'),
      after: 'l:\n  - a # 1\n  - b\n  # end\ny: 2\n',
    },
    { what: 'block: an item first', before: 'l:\r\n- b\r\n', edit: list('a', 'b'), after: 'l:\r\n- a\r\n- b\r\n' },
    { what: 'block: at the end of the file', before: 'l:\n- a', edit: list('a', 'b'), after: 'l:\n- a\n- b' },
    {
      what: 'block: an item less',
      before: 'l:\n  # one\n  - a # 1\n  - b\n',
      edit: list('b'),
      after: 'l:\n  # one\n  # 1\n  - b\n',
    },
    {
      what: 'block: in its quotes',
      before: 'l:\n  - "a"\n  - b\n',
      edit: list('c', 'b'),
      after: 'l:\n  - "c"\n  - b\n',
    },
    {
      what: 'block: emptied',
      before: 'l: # hosts\n  - a # 1\n  - b\n',
      edit: { set: { l: [] } },
      after: 'l: [] # hosts\n  # 1\n',
    },
    { what: 'block: to a scalar', before: 'l:\n- a\n- b\ny: 2\n', edit: { set: { l: 'c' } }, after: 'l: c\ny: 2\n' },
    { what: 'flow: an item more', before: 'l: [ a ]\n', edit: list('a', 'b,c'), after: 'l: [ a, "b,c" ]\n' },
    { what: 'flow: an item first', before: 'l: [b]\n', edit: list('a', 'b'), after: 'l: [a, b]\n' },
    { what: 'flow: an item less', before: 'l: [a, b, c]\n', edit: list('a', 'c'), after: 'l: [a, c]\n' },
    { what: 'flow: from empty', before: 'l: [] # none\n', edit: list('a'), after: 'l: [a] # none\n' },
    {
      what: 'flow: on several lines',
      before: 'l: [\n  "a", # 1\n  "b"\n]\n',
      edit: list('a', 'c'),
      after: 'l: [\n  "a", # 1\n  "c"\n]\n',
    },
    { what: 'a scalar to a list', before: 'l: a # why\n', edit: list('a', 'b'), after: 'l: [a, b] # why\n' },
  ]);
});

describe('text that YAML would read as something else is quoted', () => {
  const cases: [text: string, alone: string, inList: string][] = [
    ['us-1:9443', 'us-1:9443', 'us-1:9443'],
    ['[::1]:9443', '"[::1]:9443"', '"[::1]:9443"'],
    [':9443', ':9443', '":9443"'],
    ['a?b', 'a?b', '"a?b"'],
    ['a,b', 'a,b', '"a,b"'],
    [`\${HOST}`, `\${HOST}`, `"\${HOST}"`],
    ['*', '"*"', '"*"'],
    ['on', '"on"', '"on"'],
    ['True', '"True"', '"True"'],
    ['9443', '"9443"', '"9443"'],
    ['1e3', '"1e3"', '"1e3"'],
    ['0o7', '"0o7"', '"0o7"'],
    ['1:30', '"1:30"', '"1:30"'],
    ['~', '"~"', '"~"'],
    ['', '""', '""'],
    ['a: b', '"a: b"', '"a: b"'],
    ['a #b', '"a #b"', '"a #b"'],
    ['two\nlines', '"two\\nlines"', '"two\\nlines"'],
    ['\u0085\u2028', '"\\u0085\\u2028"', '"\\u0085\\u2028"'],
    ['C:\\x', 'C:\\x', 'C:\\x'],
  ];
  test.each(cases)('%j', (text, alone, inList) => {
    expect(editSettings('', { set: { a: text, b: [text] } })).toBe(`a: ${alone}\nb: [${inList}]\n`);
    expect(editSettings('{a: 1}', { set: { a: text } })).toBe(`{a: ${inList}}`);
  });
});

describe('a new setting is a line at the end', () => {
  const set = { 'a.b': true, c: ['x', '[::1]:9443'] };
  const added = ['a.b: true', 'c: [x, "[::1]:9443"]'];
  const cases: [string, string, string][] = [
    ['an empty file', '', `${added.join('\n')}\n`],
    ['comments alone', '# x\n', `# x\n${added.join('\n')}\n`],
    ['no last newline', 'x: 1', `x: 1\n${added.join('\n')}`],
    ['CRLF', 'x: 1\r\ny: 2', `x: 1\r\ny: 2\r\n${added.join('\r\n')}`],
    ['BOM alone', '\uFEFF', `\uFEFF${added.join('\n')}\n`],
    ['an indented root', '  x: 1\n', `  x: 1\n  ${added.join('\n  ')}\n`],
    ['an end mark', 'x: 1\n...\n', `x: 1\n${added.join('\n')}\n...\n`],
    ['a start mark', '---', `---\n${added.join('\n')}`],
    ['a parent that stands nested', 'a:\n  x: 1\n', `a:\n  x: 1\n${added.join('\n')}\n`],
    ['a root in flow style', '{x: 1, }\n', `{x: 1, ${added.join(', ')}, }\n`],
    ['an empty root in flow style', '{}', `{${added.join(', ')}}`],
    ['a block scalar at the end', 'x: |\n  text', `x: |\n  text\n${added.join('\n')}`],
  ];
  test.each(cases)('%s', (_, before, after) => {
    expect(editSettings(before, { set })).toBe(after);
    expect(editSettings(after, { remove: ['a.b', 'c'] })).toBe(before);
    expect(editSettings(after, { remove: ['c', 'a.b'] })).toBe(before);
  });
});

describe('removing', () => {
  const remove = ['a.b'];
  run([
    { what: 'the only key', before: 'a.b: 1\n', edit: { remove }, after: '' },
    { what: 'the first key', before: 'a.b: 1\nx: 1\n', edit: { remove }, after: 'x: 1\n' },
    { what: 'the last key', before: 'x: 1\na.b: 1', edit: { remove }, after: 'x: 1' },
    {
      what: 'a key between, comment above',
      before: 'x: 1\n\n# why\na.b: 1\n\ny: 1\n',
      edit: { remove },
      after: 'x: 1\n\n# why\n\ny: 1\n',
    },
    { what: 'a comment behind it stays', before: 'a:\n  b: 1 # why\n', edit: { remove }, after: '# why\n' },
    { what: 'an emptied parent', before: 'a:\n  # why\n  b: 1\nx: 1\n', edit: { remove }, after: '  # why\nx: 1\n' },
    { what: 'not a parent with others', before: 'a:\n  b: 1\n  c: 1\n', edit: { remove }, after: 'a:\n  c: 1\n' },
    {
      what: 'all emptied parents',
      before: 'x:\n  y: 1\n  z:\n    w:\n      v: 1\n',
      edit: { remove: ['x.z.w.v'] },
      after: 'x:\n  y: 1\n',
    },
    { what: 'a block list', before: 'a:\n  b:\n  - 1 # one\n  - 2\nx: 1\n', edit: { remove }, after: '# one\nx: 1\n' },
    { what: 'a block scalar', before: 'a.b: |\n  text\n  # text\nx: 1\n', edit: { remove }, after: 'x: 1\n' },
    {
      what: 'behind a block scalar',
      before: 'x: |\n  text\na:\n  # why\n  b: 1\n',
      edit: { remove },
      after: 'x: |\n  text\n# why\n',
    },
    { what: 'a null', before: 'a.b:\nx: 1\n', edit: { remove }, after: 'x: 1\n' },
    { what: 'first in a flow mapping', before: 'a: {b: 1, c: 2}\n', edit: { remove }, after: 'a: {c: 2}\n' },
    { what: 'last in a flow mapping', before: 'a: {c: 2, b: 1 }\n', edit: { remove }, after: 'a: {c: 2 }\n' },
    { what: 'alone in a flow mapping', before: 'x: 1\na: { b: 1 }\n', edit: { remove }, after: 'x: 1\n' },
    { what: 'alone in a root in flow style', before: '{ a.b: 1, }\n', edit: { remove }, after: '{  }\n' },
    { what: 'what is not there', before: 'a:\n  bb: 1\n', edit: { remove: ['a', 'a.b'] }, after: 'a:\n  bb: 1\n' },
    { what: 'BOM and CRLF', before: '\uFEFFa.b: 1\r\nx: 1\r\n', edit: { remove }, after: '\uFEFFx: 1\r\n' },
  ]);
});

describe('reading', () => {
  const cases: [string, Record<string, SettingValue | null>][] = [
    ['', {}],
    ['# x', {}],
    ['a:\n  b: 1\n  c.d: true\na.e: x', { 'a.b': 1, 'a.c.d': true, 'a.e': 'x' }],
    ['a: {b: [1, x], c: {}}', { 'a.b': ['1', 'x'] }],
    ['a:\nb: ~\nc: null\nd: ""', { a: null, b: null, c: null, d: '' }],
    ['a: True\nb: [FALSE, Yes]\nc: "True"', { a: true, b: ['false', 'Yes'], c: 'True' }],
    ['a: 1.0\nb: 0x10\nc: 1e3\nd: "1"\ne: yes\nf: -1.5', { a: '1.0', b: '0x10', c: '1e3', d: '1', e: 'yes', f: -1.5 }],
    ['a:\n- x\n- y', { a: ['x', 'y'] }],
    [`9200.a: "\${HOSTNAME}"\nb: \${HOSTNAME}`, { '9200.a': `\${HOSTNAME}`, b: `\${HOSTNAME}` }],
    ['a: >\n  two\n  words\n', { a: 'two words\n' }],
    ['hosts: [\n  a,\n  b # x\n]', { hosts: ['a', 'b'] }],
    ['%YAML 1.1\n---\na: 1\n...\n', { a: 1 }],
    ['__proto__: 1', Object.fromEntries([['__proto__', 1]])],
    ['a: b\t# a tab before a comment', { a: 'b' }],
  ];
  test.each(cases)('%j', (text, settings) => expect(readSettings(text)).toEqual(settings));

  test('locates a setting in any spelling', () => {
    expect(locateSetting('x: 1\na:\n  b.c: 1\n', 'a.b.c')).toEqual({ line: 3, column: 3 });
    expect(locateSetting('\uFEFFa: 1', 'a')).toEqual({ line: 1, column: 1 });
    expect(locateSetting('a: 1', 'b')).toBeUndefined();
  });
});

describe('an edit that makes no sense', () => {
  test('sets and removes one name', () =>
    expect(() => editSettings('', { set: { a: 1 }, remove: ['a'] })).toThrow(TypeError));
  test('no name', () => expect(() => editSettings('', { set: { '': 1 } })).toThrow(TypeError));
  test('no number', () => expect(() => editSettings('', { set: { a: Number.NaN } })).toThrow(TypeError));
});
