import { expect, test } from 'vitest';
import { isOver, parseWatermark } from '../../../../../coordinator/src/plan/roll/watermark.ts';

const GB = 2 ** 30;

test.each([
  ['85%', '200GB', { usedShare: 0.85, maxHeadroomBytes: 200 * GB }],
  ['0.9', '', { usedShare: 0.9, maxHeadroomBytes: Number.POSITIVE_INFINITY }],
  ['85%', '-1', { usedShare: 0.85, maxHeadroomBytes: Number.POSITIVE_INFINITY }],
  ['50gb', '', { freeBytes: 50 * GB }],
  ['1.5tb', '', { freeBytes: 1536 * GB }],
  ['', '', null],
  ['much', '', null],
])('the watermark %j with headroom %j is read', (text, headroom, expected) => {
  expect(parseWatermark(text, headroom)).toEqual(expected);
});

test.each([
  ['a share, over it', { totalBytes: 100 * GB, availableBytes: 14 * GB }, '85%', '200gb', true],
  ['a share, below it', { totalBytes: 100 * GB, availableBytes: 16 * GB }, '85%', '200gb', false],
  [
    'a large disk with more free than the headroom',
    { totalBytes: 10_000 * GB, availableBytes: 300 * GB },
    '85%',
    '200gb',
    false,
  ],
  [
    'a large disk with less free than the headroom',
    { totalBytes: 10_000 * GB, availableBytes: 199 * GB },
    '85%',
    '200gb',
    true,
  ],
  ['bytes, over it', { totalBytes: 100 * GB, availableBytes: 9 * GB }, '10gb', '', true],
  ['bytes, below it', { totalBytes: 100 * GB, availableBytes: 11 * GB }, '10gb', '', false],
])('a disk against %s', (_, disk, text, headroom, expected) => {
  const mark = parseWatermark(text, headroom);
  expect(mark && isOver(disk, mark)).toBe(expected);
});
