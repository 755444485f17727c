import { RemoraError } from '@remora/shared/errors.ts';
import {
  fileNameOf,
  parseAlias,
  parseApiKeyName,
  parseClusterName,
  parseNodeName,
} from '@remora/shared/model/values/names.ts';
import { formatSecretReference, parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

interface Names {
  readonly read: (text: string) => string;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

const kinds: Readonly<Record<string, Names>> = {
  alias: {
    read: parseAlias,
    good: ['us', 'US-1_b', '9', '-', 'nodes', 'signing2'],
    bad: [
      '',
      'my.remote',
      'a b',
      'a:b',
      'a*',
      'a/b',
      'é',
      'us\n',
      'signing',
      'node',
      'initial_connect_timeout',
      'connections_per_cluster',
    ],
  },
  'cluster name': {
    read: parseClusterName,
    good: ['us', 'US-1_b', '9', 'a'.repeat(63)],
    bad: ['', '-us', '_us', 'us.1', 'a b', 'a/b', 'a'.repeat(64), 'us\n'],
  },
  'node name': {
    read: parseNodeName,
    good: ['us-1', 'us-1.example.com', 'nöde(1)', 'a'.repeat(255)],
    bad: ['', 'a b', 'a/b', 'a,b', 'a\tb', 'a\u0000b', 'a'.repeat(256)],
  },
  'API key name': {
    read: parseApiKeyName,
    good: ['k', 'my key', 'a'.repeat(256)],
    bad: ['', ' k', 'k ', '_k', 'a'.repeat(257)],
  },
};

describe.each(Object.entries(kinds))('the %s', (_, { read, good, bad }) => {
  test.each(good)('"%s" is taken as it is', (text) => {
    expect(read(text)).toBe(text);
  });
  test.each(bad)('%j is refused', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });
  test('is taken as it is or refused by name, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(read(text)).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(RemoraError);
        }
      }),
    );
  });
});

test('a file name made of a name stays in its directory', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => /^[A-Za-z0-9._-]*$/.test(fileNameOf(text))));
});

describe('the reference of a secret', () => {
  test.each(['secret:a', 'secret:connection/eu/us/api-key@12', 'secret:node/us/n/f6/de/p12@1'])(
    '%s is read and written',
    (text) => {
      expect(formatSecretReference(parseSecretReference(text))).toBe(text);
    },
  );
  test.each([
    '',
    'a',
    'secret:',
    'secret:@1',
    'secret:a@0',
    'secret:a@',
    'secret:a@1x',
    'secret:/a',
    'secret:a b',
    'secret:a@1@2',
  ])('"%s" is refused', (text) => {
    expect(() => parseSecretReference(text)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });
});
