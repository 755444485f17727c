import { expect, it } from 'vitest';
import { caseName } from './case.ts';
import { faultNames } from './faults.ts';
import { allCases, matching, oneOfEach, sampleOf } from './table.ts';

const observed = {
  connect: {
    moments: new Map([
      ['ca.create', []],
      ['end', []],
    ]),
    restarts: [],
  },
  restart: { moments: new Map([['end', []]]), restarts: [] },
};

it('has every fault at every boundary once, in an order that follows from the seed', () => {
  const names = allCases(observed, 5).map(caseName);
  expect(new Set(names).size).toBe(3 * faultNames.length);
  expect(names).toHaveLength(3 * faultNames.length);
  expect(allCases(observed, 5).map(caseName)).toEqual(names);
  expect(allCases(observed, 6).map(caseName)).not.toEqual(names);
});

it('takes each fault in turn into a sample', () => {
  const sample = sampleOf(allCases(observed, 5), faultNames.length + 2);
  expect(new Set(sample.map(({ fault }) => fault))).toEqual(new Set(faultNames));
  expect(sample).toHaveLength(faultNames.length + 2);
});

it('takes one case of each of some workflows, each with another fault', () => {
  const taken = oneOfEach(allCases(observed, 5), ['connect', 'restart']);
  expect(taken.map(({ workflow, fault }) => [workflow, fault])).toEqual([
    ['connect', faultNames[0]],
    ['restart', faultNames[1]],
  ]);
});

it('finds cases by parts of their names', () => {
  const found = matching(allCases(observed, 5), 'restart/end/link,connect/end/redis').map(caseName);
  expect(found.sort()).toEqual(['connect/end/redis-kill', 'restart/end/link-cut']);
});
