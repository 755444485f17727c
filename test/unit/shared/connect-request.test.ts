import { RemoraError } from '@remora/shared/errors.ts';
import { type ConnectRequest, checkConnectRequest, parseMode } from '@remora/shared/model/requests/connect-request.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const plain: ConnectRequest = {
  local: 'eu',
  remote: 'us',
  alias: 'us',
  mode: 'sniff',
  search: ['logs-*'],
};
const proxy: Partial<ConnectRequest> = { mode: 'proxy', proxyAddress: 'us:9443' };
const names = (...list: unknown[]) => ({ names: list });

const good: readonly (readonly [string, Partial<ConnectRequest>])[] = [
  ['sniff without seeds', {}],
  ['seeds', { seeds: ['us-1:9443', '[::1]:9443'] }],
  ['proxy', proxy],
  ['proxy with a server name', { ...proxy, serverName: 'us.example.com' }],
  ['replication alone', { search: undefined, replication: ['a'] }],
  ['an access object', { search: undefined, access: { search: [names('a')], replication: [names('b')] } }],
  [
    'everything that a search may have',
    {
      search: undefined,
      access: {
        search: [
          { ...names('a'), query: { term: { a: 1 } }, field_security: { grant: ['*'], except: ['b'] } },
          { ...names('/a[,:]b/'), field_security: { grant: ['a*', '/c.*/'], except: ['ab*', '_id'] } },
          {
            ...names('b'),
            query: '{"match_all":{}}',
            field_security: { grant: ['c'] },
            allow_restricted_indices: true,
          },
        ],
        replication: [],
      },
    },
  ],
  [
    'everything that a replication may have',
    { search: undefined, access: { replication: [{ ...names('a'), allow_restricted_indices: false }] } },
  ],
  [
    'every further setting of sniff',
    {
      set: {
        node_connections: '3',
        'transport.compress': 'indexing_data',
        'transport.compression_scheme': 'lz4',
        'transport.ping_schedule': '30s',
      },
    },
  ],
  ['no ping at all', { set: { 'transport.ping_schedule': '-1' } }],
  ['further settings of proxy', { ...proxy, set: { proxy_socket_connections: '18' } }],
  ['a wildcard SAN', { sans: ['*.us.example.com', '10.0.0.1', '::1'] }],
  ['an interface as host', { remoteHost: '_eth0:ipv4_' }],
  ['metadata, an end, a CA and a port', { metadata: { team: 'a' }, expires: '90d', ca: 'us-remote', remotePort: 9444 }],
] as unknown as (readonly [string, Partial<ConnectRequest>])[];

/** What an entry of a search in an access file may not have, and words of the refusal. */
const restrictions: readonly (readonly [string, object, string])[] = [
  ['privileges', { privileges: ['read'] }, 'has "privileges": it may have names, query, field_security'],
  ['a query that is a list', { query: [] }, 'has a "query" that is neither'],
  ['a query that is no JSON', { query: 'a:1' }, 'has a "query" that is neither'],
  ['a query that is text of a list', { query: '[]' }, 'has a "query" that is neither'],
  ['field security without grant', { field_security: { except: ['a'] } }, 'has a "field_security" that is not'],
  ['field security of numbers', { field_security: { grant: [1] } }, 'has a "field_security" that is not'],
  ['field security with more', { field_security: { grant: ['a'], deny: [] } }, 'has a "field_security" that is not'],
  [
    'an exception that is not granted',
    { field_security: { grant: ['a.b*'], except: ['axb'] } },
    'among what is granted',
  ],
  ['exceptions of another pattern', { field_security: { grant: ['a*'], except: ['b*'] } }, 'among what is granted'],
  ['an exception that is wider', { field_security: { grant: ['a?c'], except: ['a*'] } }, 'among what is granted'],
  ['restricted indices as a word', { allow_restricted_indices: 'yes' }, 'neither true nor false'],
];

const bad: readonly (readonly [string, object, string])[] = [
  ['an alias with a dot', { alias: 'a.b' }, '"a.b" is not an alias'],
  ['the alias signing', { alias: 'signing' }, '"signing" cannot be an alias'],
  ['equal clusters', { remote: 'eu' }, 'are both "eu"'],
  ['a cluster name with a blank', { local: 'e u' }, '"e u" is not a cluster name'],
  ['an unknown mode', { mode: 'tunnel' }, '"tunnel" is not a connection mode: write --mode sniff or --mode proxy'],
  ['no access', { search: undefined }, 'No access was given'],
  ['empty access', { search: [] }, 'No access was given'],
  ['a pattern with a comma', { search: ['a,b'] }, '"a,b" is not an index pattern'],
  [
    'a pattern of another cluster',
    { search: ['us:logs-*'] },
    '"us:logs-*" is not an index pattern: a cluster knows its own',
  ],
  ['a pattern that excludes', { search: ['-logs'] }, '"-logs" is not an index pattern: a key excludes nothing'],
  [
    'access to what no index is called',
    { search: undefined, access: { search: [names('a,b')] } },
    'names "a,b", which is no index pattern: write names like',
  ],
  ['metadata that Remora writes', { metadata: { managed_by: 'me' } }, '"managed_by" is the one by which Remora marks'],
  ['pings that never come', { set: { 'transport.ping_schedule': '9999999999d' } }, 'it takes a duration'],
  ['a pattern that is empty', { search: [''] }, '"" is not an index pattern'],
  ['access beside search', { access: { search: [names('a')] } }, '--access stands alone'],
  ['access of another kind', { search: undefined, access: { write: [] } }, 'The access file has "write"'],
  ['access that grants nothing', { search: undefined, access: { search: [] } }, 'The access file grants nothing'],
  [
    'access without names',
    { search: undefined, access: { search: [{}] } },
    'An entry of "search" in the access file has no list "names"',
  ],
  ['access with an empty name', { search: undefined, access: { search: [names('')] } }, 'has no list "names"'],
  [
    'access that is no list',
    { search: undefined, access: { search: 'a', replication: [names('b')] } },
    'An entry of "search"',
  ],
  [
    'access that is null',
    { search: undefined, access: { search: null, replication: [names('b')] } },
    'An entry of "search"',
  ],
  ...restrictions.map(
    ([what, entry, says]) =>
      [
        `an access file with ${what}`,
        { search: undefined, access: { search: [{ ...names('a'), ...entry }] } },
        says,
      ] as const,
  ),
  ...[{ query: {} }, { field_security: { grant: ['a'] } }, { privileges: ['read'] }].map(
    (entry) =>
      [
        `an access file that replicates with ${Object.keys(entry).join()}`,
        { search: undefined, access: { replication: [{ ...names('a'), ...entry }] } },
        `An entry of "replication" in the access file has "${Object.keys(entry).join()}"`,
      ] as const,
  ),
  ...[{ query: { match_all: {} } }, { field_security: { grant: ['a'] } }].map(
    (entry) =>
      [
        `an access file that restricts a search by ${Object.keys(entry).join()} and replicates`,
        { search: undefined, access: { search: [{ ...names('a'), ...entry }], replication: [names('b')] } },
        'beside "replication"',
      ] as const,
  ),
  [
    'a seed in Elastic Cloud',
    { seeds: ['x.es.eu-west-1.aws.found.io:9443'] },
    'is in Elastic Cloud, where sniff mode does not work',
  ],
  ['seeds with proxy', { ...proxy, seeds: ['us-1:9443'] }, '--seeds belongs to sniff mode'],
  ['a proxy address with sniff', { proxyAddress: 'us:9443' }, '--proxy-address belongs to proxy mode'],
  ['a server name with sniff', { serverName: 'us' }, '--server-name belongs to proxy mode'],
  ['proxy without address', { mode: 'proxy' }, 'Proxy mode needs an address: add --proxy-address HOST:PORT'],
  ['an address without port', { ...proxy, proxyAddress: 'us' }, '"us" is not an address: it has no port'],
  ['bad IPv6', { seeds: ['::1:9443'] }, 'an IPv6 address stands in brackets'],
  ['a server name that is none', { ...proxy, serverName: 'a b' }, '"a b" is not an address'],
  ['a bad duration', { expires: '90' }, '"90" is not a duration'],
  ['an end of nothing', { expires: '0d' }, '"0d" is not a duration'],
  ['reserved metadata', { metadata: { _a: 1 } }, 'The metadata key "_a" begins with "_"'],
  ['an unknown setting', { set: { foo: '1' } }, '--set foo: there is no such setting. Known are node_connections'],
  ['a setting of the prototype', { set: { constructor: '1' } }, '--set constructor: there is no such setting'],
  ['a setting with a flag of its own', { set: { seeds: 'a:1' } }, '--set seeds is not needed: use --seeds'],
  ['credentials', { set: { credentials: 'x' } }, '--set credentials is refused'],
  [
    'a setting of the other mode',
    { set: { proxy_socket_connections: '1' } },
    'belongs to proxy mode, and this connection uses sniff mode',
  ],
  [
    'a setting of a bad value',
    { set: { node_connections: '0' } },
    '--set node_connections=0: it takes a whole number from 1 to 2147483647',
  ],
  [
    'a duration without unit',
    { set: { 'transport.ping_schedule': '30' } },
    'it takes a duration like 30s (in ms, s, m, h or d), or -1',
  ],
  ['a CA name that is none', { ca: '../ca' }, '--ca ../ca: that is not the name of a CA'],
  ['a SAN that is none', { sans: ['a b'] }, '"a b" is not an address'],
  ['a wildcard within a SAN', { sans: ['us.*.com'] }, '"us.*.com" is not an address'],
  ['a remote host that is none', { remoteHost: 'a/b' }, '"a/b" is not an address'],
  ['a port that is none', { remotePort: 70_000 }, '--remote-port 70000 is not a port'],
];

describe('a connect request', () => {
  test.each(good)('with %s makes sense', (_, more) => {
    expect(() => checkConnectRequest({ ...plain, ...more })).not.toThrow();
  });

  test.each(bad)('with %s is refused', (_, more, says) => {
    const request = { ...plain, ...more } as ConnectRequest;
    expect(() => checkConnectRequest(request)).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(says) }),
    );
  });

  test('of the right shape makes sense or is refused by name, whatever it holds', () => {
    const text = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom('eu', 'us', 'us-1:9443', '90d', 'node_connections'),
    );
    const texts = fc.array(text, { minLength: 1, maxLength: 3 });
    const requests = fc.record(
      {
        local: text,
        remote: text,
        alias: text,
        mode: fc.constantFrom('sniff' as const, 'proxy' as const),
        seeds: texts,
        proxyAddress: text,
        serverName: text,
        search: texts,
        replication: texts,
        access: fc.dictionary(fc.constantFrom('search', 'replication', 'x'), fc.jsonValue()),
        expires: text,
        metadata: fc.dictionary(fc.string(), fc.jsonValue()),
        set: fc.dictionary(text, fc.string()),
        ca: text,
        sans: texts,
        remoteHost: text,
        remotePort: fc.integer({ min: 1, max: 65_535 }),
      },
      { requiredKeys: ['local', 'remote', 'alias', 'mode'] },
    );
    fc.assert(
      fc.property(requests, (request) => {
        try {
          checkConnectRequest(request as ConnectRequest);
        } catch (error) {
          expect(error).toBeInstanceOf(RemoraError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('modes are read, others refused', () => {
  expect([parseMode('sniff'), parseMode('proxy')]).toEqual(['sniff', 'proxy']);
  for (const text of ['', 'SNIFF', 'proxy ']) expect(() => parseMode(text)).toThrow(RemoraError);
});
