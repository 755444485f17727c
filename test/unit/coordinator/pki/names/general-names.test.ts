import { expect, test } from 'vitest';
import { alternativeNamesOf, generalNames, parseSan } from '../../../../../coordinator/src/pki/names/general-names.ts';

test.each([
  ['DNS:US-1.example.com', 'DNS', 'us-1.example.com'],
  ['us-1', 'DNS', 'us-1'],
  ['*.us.example.com', 'DNS', '*.us.example.com'],
  ['dns:*.us.example.com', 'DNS', '*.us.example.com'],
  ['10.0.0.1', 'IP', '10.0.0.1'],
  ['IP:2001:DB8::0:1', 'IP', '2001:db8::1'],
  ['[::1]', 'IP', '::1'],
  ['::ffff:10.0.0.2', 'IP', '::ffff:a00:2'],
])('parseSan reads %s', (text, kind, value) => {
  expect(parseSan(text)).toEqual({ kind, value });
});

test.each([
  ['', /neither a host name nor an IP address/],
  ['a b', /"a b" cannot stand in a certificate: it is neither/],
  ['https://us-1', /neither a host name nor an IP address/],
  ['us-1:9443', /neither a host name nor an IP address/],
  ['10.0.0.256', /neither a host name nor an IP address/],
  ['10.0.0.0/8', /neither a host name nor an IP address/],
  ['fe80::1%eth0', /neither a host name nor an IP address/],
  ['a.*.com', /a "\*" stands for one whole label and comes first/],
  ['*', /a "\*" stands for one whole label/],
  ['*.*.example.com', /a "\*" stands for one whole label/],
  ['IP:us-1', /"us-1" cannot stand in a certificate: it is not an IP address/],
  ['DNS:10.0.0.1', /"10.0.0.1" cannot stand in a certificate: it is not a host name/],
  [`${'a'.repeat(64)}.example.com`, /neither a host name/],
])('parseSan refuses "%s"', (text, sentence) => {
  expect(() => parseSan(text)).toThrow(sentence);
});

test('names are kept in their order, each once', () => {
  const names = generalNames({ dns: ['b', 'A', 'a'], ip: ['::1', '0:0:0:0:0:0:0:1'], otherNames: ['x', 'x'] });
  expect(alternativeNamesOf(names)).toEqual({ dns: ['b', 'a'], ip: ['::1'], otherNames: ['x'] });
  expect(() => generalNames({ dns: [], ip: [], otherNames: ['a\nb'] })).toThrow(/without control characters/);
});
