import { expect, test } from 'vitest';
import { differences } from '../../faults/checks/final-state.ts';

test.each([
  [['n1', 'n2'], ['n2', 'n1'], []],
  [
    ['n1', 'n2'],
    ['n1', 'n3'],
    ['/a: lacks "n2"', '/a: has "n3" too'],
  ],
  [['n1', 'n2'], ['n1', 'n1', 'n2'], [expect.stringMatching(/^\/a: has the same items another number of times/)]],
  [['n1', 'n2', 'n2'], ['n1', 'n1', 'n2'], [expect.stringMatching(/^\/a: has the same items another number of times/)]],
])('lists are compared with how often each item is in them: %j, %j', (wanted, found, lines) => {
  expect(differences({ a: wanted }, { a: found })).toEqual(lines);
});
