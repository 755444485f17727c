import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { isOwnAddress, nodeUrl } from '../../../../agent/src/node/address.ts';

const HTTPS = { 'xpack.security.http.ssl.enabled': true };

describe('the address of the node follows elasticsearch.yml', () => {
  test.each([
    [{}, 'http://localhost:9200'],
    [HTTPS, 'https://localhost:9200'],
    [{ 'http.port': 9201 }, 'http://localhost:9201'],
    [{ 'http.port': '9200-9300' }, 'http://localhost:9200'],
    [{ 'http.port': '9205,9210-9220' }, 'http://localhost:9205'],
    [{ 'network.host': '127.0.0.2' }, 'http://127.0.0.2:9200'],
    [{ 'network.host': '0.0.0.0' }, 'http://localhost:9200'],
    [{ 'network.host': '::' }, 'http://localhost:9200'],
    [{ 'network.host': '::1' }, 'http://[::1]:9200'],
    [{ 'network.host': ['192.0.2.77', '_local_'] }, 'http://localhost:9200'],
    [{ ...HTTPS, 'network.host': '192.0.2.77, 192.0.2.78' }, 'https://192.0.2.77:9200'],
    [{ ...HTTPS, 'network.host': '2001:db8::7' }, 'https://[2001:db8::7]:9200'],
    [{ ...HTTPS, 'network.host': 'es-1.example.org' }, 'https://es-1.example.org:9200'],
    [{ ...HTTPS, 'network.host': '192.0.2.77', 'http.host': '_local_' }, 'https://localhost:9200'],
    [{ 'network.host': '_lo_' }, 'http://127.0.0.1:9200'],
    [{ 'network.host': '_lo:ipv4_' }, 'http://127.0.0.1:9200'],
  ])('%j: %s', (settings, url) => {
    expect(nodeUrl(undefined, settings)).toBe(url);
  });

  test.each([
    { 'http.port': 0 },
    { 'http.port': 'nonsense' },
    { 'http.port': 70_000 },
    { 'http.port': `\${PORT}` },
    { 'network.host': `\${HOST}` },
    { 'network.host': '_ec2_' },
    { ...HTTPS, 'network.host': 'a b' },
  ])('%j is refused with the flag that says it', (settings) => {
    expect(() => nodeUrl(undefined, settings)).toThrow(
      expect.objectContaining({ code: 'bad-input', hint: expect.stringContaining('--es-url') }),
    );
  });
});

describe('plain HTTP', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);

  test('is taken for every address of this machine', () => {
    for (const { address, family } of addresses) {
      const host = family === 'IPv6' ? `[${address}]` : address;
      expect(isOwnAddress(host)).toBe(true);
      if (!address.startsWith('fe80:')) expect(nodeUrl(`http://${host}:9200/`, {})).toBe(`http://${host}:9200`);
    }
  });

  test.each(['198.51.100.7', '[2001:db8::7]', 'es-1.example.org', '127.0.0.1.example.org', '0.0.0.0'])(
    'is refused for %s, said by the operator or by elasticsearch.yml',
    (host) => {
      expect(isOwnAddress(host)).toBe(false);
      expect(() => nodeUrl(`http://${host}:9200`, {})).toThrow(/in clear/);
      if (host !== '0.0.0.0') expect(() => nodeUrl(undefined, { 'network.host': host })).toThrow(/in clear/);
    },
  );
});
