import { isIPv4, isIPv6 } from 'node:net';
import { RemoraError } from '@remora/shared/errors.ts';
import {
  formatAddress,
  isHostName,
  isIpv4,
  isIpv6,
  isLoopback,
  parseAddress,
  parseHost,
} from '@remora/shared/model/values/address.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const good: readonly (readonly [string, string, number])[] = [
  ['us-1:9443', 'us-1', 9443],
  ['us-1.example.com:1', 'us-1.example.com', 1],
  ['10.0.0.1:65535', '10.0.0.1', 65_535],
  ['[::1]:9443', '::1', 9443],
  ['[2001:db8::ffff:10.0.0.1]:443', '2001:db8::ffff:10.0.0.1', 443],
  ['_srv.us_1:9443', '_srv.us_1', 9443],
];

const bad: readonly (readonly [string, string])[] = [
  ['us-1', 'it has no port'],
  ['', 'it has no port'],
  [':9443', 'it has no host'],
  ['us-1:', 'the port is not a number'],
  ['us-1:abc', 'the port is not a number'],
  ['us-1:-1', 'the port is not a number'],
  ['us-1:0', 'port 0 is not between 1 and 65535'],
  ['us-1:70000', 'port 70000 is not between 1 and 65535'],
  ['::1:9443', 'an IPv6 address stands in brackets'],
  ['[::1]', 'the port is not a number'],
  ['[::1', 'the port is not a number'],
  ['[1:2]:9443', '1:2 is not an IPv6 address'],
  ['[]:9443', ' is not an IPv6 address'],
  ['[us-1]:9443', 'us-1 is not an IPv6 address'],
  ['https://us-1:9443', 'it carries a scheme'],
  ['10.0.0.256:9443', 'neither a host name nor an IPv4 address'],
  ['10.0.1:9443', 'neither a host name nor an IPv4 address'],
  ['us 1:9443', 'neither a host name nor an IPv4 address'],
  ['-us:9443', 'neither a host name nor an IPv4 address'],
  ['us..1:9443', 'neither a host name nor an IPv4 address'],
  ['us-1/x:9443', 'neither a host name nor an IPv4 address'],
];

describe('an address', () => {
  test.each(good)('%s is read', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(formatAddress(parseAddress(text))).toBe(text);
  });

  test.each(bad)('"%s" is refused: %s', (text, why) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(`"${text}" is not an address`) }),
    );
    expect(() => parseAddress(text)).toThrow(why);
  });

  test('is read or refused by name, whatever the text', () => {
    const parts = fc.constantFrom('[', ']', ':', '::', '.', 'us-1', '9443', '10.0.0.1', 'é', ' ', '\n', '%', '/');
    const texts = fc.oneof(
      fc.string(),
      fc.array(parts).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const read of [parseAddress, parseHost]) {
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(RemoraError);
          }
        }
      }),
    );
  });

  test('that was formatted is read back', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.ipV6().filter(isIpv6), fc.domain());
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        expect(parseAddress(formatAddress({ host, port }))).toEqual({ host, port });
      }),
    );
  });
});

describe('IP addresses', () => {
  test('of version 4 stand at the end of one of version 6 only', () => {
    expect(isIpv6('1.2.3.4::')).toBe(false);
  });

  const groups = fc.constantFrom('', '0', '1', 'ffff', '2001', 'db8', 'fffff', 'g', '1.2.3.4', '1.2.3.256');
  const shaped = fc.array(groups, { minLength: 1, maxLength: 10 }).map((list) => list.join(':'));

  test('of version 4 are those that Node takes', () => {
    const bytes = fc.array(fc.constantFrom('0', '00', '01', '9', '255', '256', '-1', ''), {
      minLength: 3,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          bytes.map((list) => list.join('.')),
        ),
        (text) => isIpv4(text) === isIPv4(text),
      ),
    );
  });

  test('of version 6 that Node takes are taken', () => {
    fc.assert(fc.property(fc.oneof(fc.ipV6(), shaped.filter(isIPv6)), isIpv6));
  });

  test('of version 6 that Node refuses are refused', () => {
    fc.assert(
      fc.property(
        shaped.filter((text) => !isIPv6(text)),
        (text) => !isIpv6(text),
      ),
      { numRuns: 2000 },
    );
  });
});

test.each([
  ['us-1', true],
  ['a.b.c', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  [`${'a.'.repeat(126)}aa`, false],
  ['_eth0_', false],
  ['us-1.', false],
  ['1.2.3', false],
  ['', false],
])('"%s" as a host name: %s', (text, valid) => {
  expect(isHostName(text)).toBe(valid);
});

test.each([
  ['localhost', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['[::1]', true],
  ['127.example.com', false],
  ['10.0.0.1', false],
  ['localhost.example.com', false],
])('"%s" as this machine itself: %s', (host, itself) => {
  expect(isLoopback(host)).toBe(itself);
});
