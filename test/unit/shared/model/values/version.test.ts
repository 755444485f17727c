import { compareVersions, isAtLeast } from '@remora/shared/model/values/version.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const versions = fc
  .tuple(fc.nat(20), fc.nat(30), fc.nat(30), fc.constantFrom('', '-SNAPSHOT', '-rc1'))
  .map(([major, minor, patch, suffix]) => `${major}.${minor}.${patch}${suffix}`);

describe('versions', () => {
  test.each([
    ['8.14.0', '8.14.0', true],
    ['8.13.4', '8.14.0', false],
    ['8.19.21', '8.2.0', true],
    ['9.0.0', '8.19.21', true],
    ['8.14', '8.14.0', true],
    ['8.14.0-SNAPSHOT', '8.14.0', true],
    ['10.0.0', '9.5.3', true],
  ])('%s is at least %s: %s', (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected);
  });

  test('have one order', () => {
    fc.assert(
      fc.property(versions, versions, versions, (a, b, c) => {
        expect(compareVersions(a, b)).toBe(0 - compareVersions(b, a));
        expect(compareVersions(a, a)).toBe(0);
        if (isAtLeast(a, b) && isAtLeast(b, c)) expect(isAtLeast(a, c)).toBe(true);
      }),
    );
  });

  test('that cannot be read are older than anything', () => {
    expect(isAtLeast('unknown', '0.0.1')).toBe(false);
  });
});
