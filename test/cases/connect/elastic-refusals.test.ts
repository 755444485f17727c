import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { checkConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { parseApiKeyName } from '@remora/shared/model/values/names.ts';
import { describe, expect, test } from 'vitest';
import { keyNameOf } from '../../../coordinator/src/plan/keys/key-names.ts';
import { planOff } from '../disconnect/plans.ts';
import { request } from './facts.ts';
import { connected, lines, planIn, stepOf } from './plans.ts';
import { world } from './world.ts';

/**
 * What Elasticsearch refuses of a connection's settings and of its key, or takes although it cannot work, by the numbers of what was tried on real nodes (9.5.3 and
 * 8.19.21): 49 to 58 are settings, 59 to 70 the key. Each is refused by us before anything changes, or never sent.
 */

const proxy = { mode: 'proxy', proxyAddress: 'us:9443' } as const;
const access = (...search: readonly object[]) => ({ search: undefined, access: { search } });
const [names, replicated] = [{ names: ['a'] }, { replication: [{ names: ['b'] }] }];
const set = (name: string, value: string) => ({ set: { [name]: value } });

const refused: readonly (readonly [number, string, object, string])[] = [
  [49, 'proxy mode without an address', { mode: 'proxy' }, 'Proxy mode needs an address'],
  [49, 'seeds in proxy mode', { ...proxy, seeds: ['us:9443'] }, '--seeds belongs to sniff mode'],
  [49, 'a proxy address in sniff mode', { proxyAddress: 'us:9443' }, '--proxy-address belongs to proxy mode'],
  [49, 'a server name in sniff mode', { serverName: 'us' }, '--server-name belongs to proxy mode'],
  [49, 'sockets in sniff mode', set('proxy_socket_connections', '9'), 'belongs to proxy mode'],
  [49, 'node connections in proxy mode', { ...proxy, ...set('node_connections', '9') }, 'belongs to sniff mode'],
  [54, 'a seed without port', { seeds: ['h'] }, '"h" is not an address: it has no port'],
  [54, 'port 0', { seeds: ['h:0'] }, 'port 0 is not between 1 and 65535'],
  [54, 'a port that is no number', { seeds: ['h:abc'] }, 'the port is not a number'],
  [54, 'a port that is too high', { seeds: ['h:70000'] }, 'port 70000 is not between 1 and 65535'],
  [54, 'a seed with a scheme', { seeds: ['https://h:9443'] }, 'it carries a scheme'],
  [54, 'IPv6 without brackets', { seeds: ['::1:9443'] }, 'an IPv6 address stands in brackets'],
  [54, 'a proxy address with a scheme', { mode: 'proxy', proxyAddress: 'https://h:9443' }, 'it carries a scheme'],
  [54, 'a proxy address without port', { mode: 'proxy', proxyAddress: 'h' }, 'it has no port'],
  [55, 'no node connections', set('node_connections', '0'), 'it takes a whole number from 1 to 2147483647'],
  [55, 'a count above 32 bits', set('node_connections', '2147483648'), 'a whole number from 1 to 2147483647'],
  [55, 'no sockets', { ...proxy, ...set('proxy_socket_connections', '0') }, 'a whole number from 1 to 2147483647'],
  [55, 'pings without unit', set('transport.ping_schedule', '30'), 'a duration like 30s (in ms, s, m, h or d)'],
  [55, 'pings in a unit that is none', set('transport.ping_schedule', '1M'), 'a duration like 30s'],
  [55, 'another compression', set('transport.compress', 'maybe'), 'it takes true, false or indexing_data'],
  [55, 'another scheme of it', set('transport.compression_scheme', 'zstd'), 'it takes lz4 or deflate'],
  [55, 'another mode', { mode: 'foo' }, '"foo" is not a connection mode'],
  [56, 'the credential', set('credentials', 'x'), '--set credentials is refused'],
  ...['initial_connect_timeout', 'node.attr', 'connections_per_cluster'].map(
    (name) =>
      [
        56,
        `the setting ${name} of nodes`,
        set(name, '60s'),
        `cluster.remote.${name} is no setting of one connection but of a node`,
      ] as const,
  ),
  ...['my.remote', 'a b', 'a:b', 'a*', 'a/b', 'é', ''].map(
    (alias) => [57, `the alias "${alias}"`, { alias }, 'is not an alias: Elasticsearch takes letters'] as const,
  ),
  [57, 'the alias signing', { alias: 'signing' }, 'cluster.remote.signing.* holds the trust settings'],
  [57, 'the alias node', { alias: 'node' }, 'cluster.remote.node.attr says which remote nodes are connected to'],
  [60, 'no access', { search: undefined }, 'No access was given'],
  [60, 'an empty access', { search: undefined, access: {} }, 'The access file grants nothing'],
  [60, 'an empty search', access(), 'The access file grants nothing'],
  [60, 'an unknown kind', { search: undefined, access: { foo: [], search: [names] } }, 'The access file has "foo"'],
  [61, 'no names', access({}), 'has no list "names" of index patterns'],
  [61, 'a list of no names', access({ names: [] }), 'has no list "names" of index patterns'],
  [61, 'a name that is empty', access({ names: [''] }), 'has no list "names" of index patterns'],
  [61, 'a name that is a broken expression', { search: ['/[/'] }, 'as a regular expression of Lucene it has a "["'],
  [61, 'an expression without its end', access({ names: ['/logs'] }), 'and ends with another one'],
  [62, 'privileges', access({ ...names, privileges: ['read'] }), 'has "privileges": it may have names'],
  [62, 'role descriptors', { search: undefined, access: { role_descriptors: {} } }, 'has "role_descriptors"'],
  [
    63,
    'exceptions outside of what is granted',
    access({ ...names, field_security: { grant: ['a'], except: ['b'] } }),
    'with exceptions among what is granted',
  ],
  [
    63,
    'a field that is a broken expression',
    access({ ...names, field_security: { grant: ['/[/'] } }),
    'has the field "/[/": as a regular expression of Lucene',
  ],
  [63, 'a query without a name', access({ ...names, query: {} }), 'neither an object of the query DSL, with one name'],
  [63, 'a query with two', access({ ...names, query: '{"term":{},"match":{}}' }), 'with one name'],
  [
    64,
    'a replication with a query',
    { search: undefined, access: { replication: [{ ...names, query: { match_all: {} } }] } },
    'An entry of "replication" in the access file has "query"',
  ],
  [
    64,
    'a replication with fields',
    { search: undefined, access: { replication: [{ ...names, field_security: { grant: ['a'] } }] } },
    'An entry of "replication" in the access file has "field_security"',
  ],
  [
    64,
    'a search of documents beside a replication',
    { search: undefined, access: { search: [{ ...names, query: { match_all: {} } }], ...replicated } },
    'beside "replication"',
  ],
  [65, 'metadata that begins with _', { metadata: { _x: 1 } }, 'The metadata key "_x" begins with "_"'],
  ...['1', '1M', '0d', '-1d'].map(
    (expires) => [66, `the end ${expires}`, { expires }, `"${expires}" is not a duration`] as const,
  ),
];

const fresh = (wish: Partial<ConnectRequest>) => planIn(world(), request(wish));
const again = (wish: Partial<ConnectRequest>, first: Partial<ConnectRequest> = {}) =>
  planIn(connected(world(), first), request(wish));
const dead = (wish: Partial<ConnectRequest>) => {
  const made = connected(world());
  for (const key of made.keys) key.usable = false;
  return planIn(made, request(wish));
};

const neverSent: readonly (readonly [number, string, () => void])[] = [
  [
    50,
    'skip_unavailable and the transport settings come with seeds or an address',
    () => {
      const more = { skipUnavailable: false, set: { 'transport.compress': 'true' } };
      const { persistent } = stepOf(fresh(more), 'cluster-settings.put').input;
      expect(Object.keys(persistent).sort()).toEqual(
        ['mode', 'seeds', 'skip_unavailable', 'transport.compress'].map((name) => `cluster.remote.us.${name}`),
      );
    },
  ],
  [
    51,
    'another mode comes with null for the settings of the one before',
    () => {
      const first = { ...proxy, serverName: 'us', set: { proxy_socket_connections: '9' } };
      expect(stepOf(again({}, first), 'cluster-settings.put').input.persistent).toMatchObject({
        'cluster.remote.us.proxy_address': null,
        'cluster.remote.us.server_name': null,
        'cluster.remote.us.proxy_socket_connections': null,
      });
    },
  ],
  ...([52, 53] as const).map((number): [number, string, () => void] => [
    number,
    'a connection is removed by null for each setting that it has, in one request',
    () => {
      const first = { skipUnavailable: true, set: { 'transport.ping_schedule': '60s' } };
      const off = planOff(connected(world(), first));
      expect(stepOf(off, 'cluster-settings.put').input.persistent).toEqual(
        Object.fromEntries(
          ['mode', 'seeds', 'skip_unavailable', 'transport.ping_schedule'].map((name) => [
            `cluster.remote.us.${name}`,
            null,
          ]),
        ),
      );
    },
  ]),
  [
    58,
    'what closes the connections is said, and skip_unavailable does not',
    () => {
      const closing = again({ set: { 'transport.ping_schedule': '60s' } });
      expect(closing.warnings).toEqual([expect.stringMatching(/^The change of transport.ping_schedule closes/)]);
      expect(again({ skipUnavailable: false }).warnings).toEqual([]);
    },
  ],
  [
    59,
    'the longest name of a key is one that Elasticsearch takes',
    () => {
      const name = keyNameOf({ local: 'l'.repeat(63), alias: 'a'.repeat(100) });
      const whole = `${name}.99-run-20261129-145622-abcdef12-99-r99`;
      expect(parseApiKeyName(whole)).toBe(whole);
    },
  ],
  [
    63,
    'a query that Elasticsearch does not come with is taken by it: the plan says so',
    () => {
      const plan = fresh({ access: { search: [{ ...names, query: { nosuch: {} } }] } });
      expect(plan.warnings).toContainEqual(
        expect.stringMatching(/^The query for a is called "nosuch", .* every search with it fails/),
      );
      const known = fresh({ access: { search: [{ ...names, query: '{"term":{"a":1}}' }] } });
      expect(known.warnings.filter((line) => line.startsWith('The query'))).toEqual([]);
    },
  ],
  [
    67,
    'an identity that is no pattern, or matches nothing',
    () => {
      for (const certificateIdentity of ['CN=(', ''])
        expect(() => {
          const wish = request({ certificateIdentity });
          checkConnectRequest(wish);
          planIn(world(), wish);
        }).toThrow(/certificate-identity/);
    },
  ],
  [
    68,
    'another end comes with all that a change of a key has to have, and no end at all is refused',
    () => {
      const { input } = stepOf(again({ expires: '30d' }, { expires: '90d' }), 'api-key.update');
      expect(input).toMatchObject({ expiration: '30d', access: {}, metadata: {} });
      expect(() => again({}, { expires: '90d' })).toThrow('Elasticsearch cannot take the end of a key away');
    },
  ],
  [
    69,
    'a key that was invalidated or has ended is not changed: another takes its place; the same again is nothing',
    () => {
      expect(lines(dead({ search: ['b'] }))).toContain('api-key api-key.create us api');
      expect(lines(again({}))).toEqual([]);
    },
  ],
  [
    69,
    'nor is one of another user, which nobody else can change',
    () => {
      const made = connected(world());
      for (const key of made.keys) key.otherOwner = 'ann';
      const planned = lines(planIn(made, request({ search: ['b'] })));
      expect(planned).toContain('api-key api-key.create us api');
      expect(planned).not.toContain('api-key api-key.update us api');
    },
  ],
];

describe('what Elasticsearch refuses, or takes to no good,', () => {
  test.each(refused)('%i: %s is refused before anything changed', (_, __, wish, says) => {
    const wanted = { ...request(), ...wish } as ConnectRequest;
    expect(() => checkConnectRequest(wanted)).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(says) }),
    );
  });

  test.each(neverSent)('%i: %s', (_, __, holds) => holds());

  test('is here by every number but 70: a cluster is known with a user and a password, never with an API key', () => {
    const numbers = new Set([...refused, ...neverSent].map(([number]) => number));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, i) => 49 + i));
  });
});
