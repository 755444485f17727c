import { expect, it } from 'vitest';
import { caseName } from './case.ts';
import { faultNames } from './faults.ts';
import { allCases, matching, sampleOf } from './table.ts';

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

it('finds cases by a part of their name', () => {
  expect(matching(allCases(observed, 5), 'restart/end/link').map(caseName)).toEqual(['restart/end/link-cut']);
});
