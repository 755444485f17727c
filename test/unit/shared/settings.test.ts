import {
  type EffectClass,
  effectClasses,
  type SettingValue,
  sameSettingValue,
  settingRule,
  settingRules,
  strongestEffect,
} from '@remora/shared/settings.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('the effect of a setting', () => {
  test.each<[string, EffectClass]>([
    ['cluster.remote.us.seeds', 'api'],
    ['cluster.remote.us.transport.compress', 'api'],
    ['cluster.remote.us.credentials', 'reload'],
    ['remote_cluster_server.enabled', 'restart'],
    ['remote_cluster.port', 'restart'],
    ['xpack.security.remote_cluster_server.ssl.keystore.secure_password', 'restart'],
    ['xpack.security.remote_cluster_client.ssl.certificate_authorities', 'restart'],
  ])('%s is %s', (name, effect) => {
    expect(settingRule(name)?.effect).toBe(effect);
  });

  test.each([
    'cluster.remote.us',
    'cluster.remote.us.x.seeds',
    'cluster.remote.us.signing.key',
    'network.host',
    '',
    'cluster.remote.initial_connect_timeout',
  ])('none is known of "%s"', (name) => {
    expect(settingRule(name)).toBeUndefined();
  });

  test('stands in the table once, and only keystore settings are secure', () => {
    const names = settingRules.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const secure = settingRules.filter((rule) => rule.secure).map(({ name }) => name);
    expect(secure.every((name) => /credentials$|secure_/.test(name))).toBe(true);
    expect(names.filter((name) => /credentials$|secure_/.test(name))).toEqual(secure);
  });

  test('of several is the strongest, in any order', () => {
    expect(strongestEffect([])).toBe('none');
    const effects = fc.array(fc.constantFrom(...effectClasses));
    fc.assert(
      fc.property(effects, (list) => {
        const rank = (effect: EffectClass): number => effectClasses.indexOf(effect);
        expect(rank(strongestEffect(list))).toBe(Math.max(0, ...list.map(rank)));
      }),
    );
  });
});

describe('two values', () => {
  const value: fc.Arbitrary<SettingValue> = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()));

  test.each<[SettingValue | null | undefined, SettingValue | null | undefined, boolean]>([
    [true, 'true', true],
    [9443, '9443', true],
    ['a', ['a'], true],
    [['a', 'b'], ['a', 'b'], true],
    [['a', 'b'], ['b', 'a'], false],
    [['a'], ['a', 'b'], false],
    ['a, b', ['a', 'b'], false],
    [null, undefined, true],
    [null, '', false],
    [null, 'null', false],
    [[], undefined, false],
  ])('%j and %j are the same to Elasticsearch: %s', (a, b, same) => {
    expect(sameSettingValue(a, b)).toBe(same);
    expect(sameSettingValue(b, a)).toBe(same);
  });

  test('are the same as themselves and as what the API shows of them', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(sameSettingValue(one, one)).toBe(true);
        expect(sameSettingValue(one, Array.isArray(one) ? one.map(String) : String(one))).toBe(true);
      }),
    );
  });
});
