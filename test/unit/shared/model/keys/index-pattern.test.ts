import { patternProblem } from '@remora/shared/model/keys/index-pattern.ts';
import { describe, expect, test } from 'vitest';

describe('a pattern of indices', () => {
  test.each(['logs-*', '.kibana', '/logs-[0-9]+/', '/(a|b)c?/', '/a{2,}<1-9>"x["/', '/[]a]\\[/', '/@&~(a)/'])(
    '%s is one',
    (text) => expect(patternProblem(text)).toBeNull(),
  );

  // Elasticsearch 9.5.3 makes keys with all of these, and then answers each request that "the set of patterns is invalid".
  test.each([
    ['/', 'ends with another one'],
    ['/logs', 'ends with another one'],
    ['//', 'ends with another one'],
    ['/[/', 'it has a "[" without its "]"'],
    ['/[]/', 'it has a "[" without its "]"'],
    ['/a(b/', 'it has a "(" without its ")"'],
    ['/a)b(/', 'it has a ")" without its "("'],
    ['/a{x}/', 'it has a "{" that begins no repetition'],
    ['/a{,3}/', 'it has a "{" that begins no repetition'],
    ['/<a>/', 'it has a "<" that begins no range'],
    ['/a"b/', 'it has a " without another'],
    ['/a\\/', 'it has a backslash at its end'],
    ['/a|/', 'nothing after its last sign'],
  ])('%s is none', (text, says) => expect(patternProblem(text)).toContain(says));
});
