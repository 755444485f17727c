import { expect, test } from 'vitest';
import { trustedNamesIn } from '../../../../agent/src/node/trust-restrictions.ts';

test.each<[string, string, string[] | null]>([
  ['a list', 'trust.subject_name:\n  - "*.node.a.cluster.1.account"\n  - b\n', ['*.node.a.cluster.1.account', 'b']],
  ['a list in brackets', 'trust.subject_name: ["*.a", "*.b"]\n', ['*.a', '*.b']],
  ['a text with commas', 'trust.subject_name: "*.a, *.b"\n', ['*.a', '*.b']],
  ['a mapping in a mapping', 'trust:\n  subject_name: ["*.a"]\n', ['*.a']],
  ['another setting', 'trust.name: ["*.a"]\n', null],
  ['a star without quotes, which YAML takes for an alias', 'trust.subject_name:\n  - *.a\n', null],
  ['nothing', '', null],
])('%s', (_, text, names) => {
  expect(trustedNamesIn(text)).toEqual(names);
});
