import { expect, it } from 'vitest';
import {
  type ConnectRequest,
  checkConnectRequest,
  parseMode,
} from '../../../../../shared/src/model/requests/connect-request.ts';

const good: ConnectRequest = {
  local: 'eu',
  remote: 'us',
  alias: 'us',
  mode: 'sniff',
  search: ['logs-*'],
};
const proxied: ConnectRequest = { ...good, mode: 'proxy', proxyAddress: 'us.example.com:9443' };

const accepted: readonly (readonly [string, ConnectRequest])[] = [
  ['the least', good],
  ['proxy mode', proxied],
  ['replication alone', { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff', replication: ['a'] }],
  [
    'an access object',
    {
      local: 'eu',
      remote: 'us',
      alias: 'us',
      mode: 'sniff',
      access: { search: [{ names: ['a'] }] },
    },
  ],
  ['seeds with IPv6', { ...good, seeds: ['[2001:db8::1]:9443', 'us-1:9443'] }],
  ['a wildcard SAN', { ...good, sans: ['*.us.example.com', '10.0.0.1'] }],
  ['a special bind address', { ...good, remoteHost: '_site_', remotePort: 9444 }],
  [
    'settings of its mode',
    { ...good, set: { node_connections: '5', 'transport.ping_schedule': '-1', 'transport.compress': 'indexing_data' } },
  ],
  [
    'a socket count in proxy mode',
    { ...proxied, set: { proxy_socket_connections: '9' }, serverName: 'us.example.com' },
  ],
];

it.each(accepted)('accepts %s', (_, request) => {
  expect(() => checkConnectRequest(request)).not.toThrow();
});

/** What is wrong, the request, and words that the message must have. */
const refused: readonly (readonly [string, ConnectRequest, RegExp])[] = [
  ['a bad alias', { ...good, alias: 'a.b' }, /"a\.b" is not an alias/],
  ['a bad cluster name', { ...good, local: 'e u' }, /"e u" is not a cluster name/],
  ['equal clusters', { ...good, remote: 'eu' }, /two different clusters/],
  ['no access', { local: 'eu', remote: 'us', alias: 'us', mode: 'sniff' }, /No access was given/],
  ['an empty pattern', { ...good, search: ['logs-*', ''] }, /"" is not an index pattern/],
  ['access beside search', { ...good, access: { search: [] } }, /--access stands alone/],
  [
    'an access object that grants nothing',
    { ...good, search: undefined, access: { search: [] } } as unknown as ConnectRequest,
    /grants nothing/,
  ],
  [
    'an access object without names',
    { ...good, search: undefined, access: { search: [{}] } } as unknown as ConnectRequest,
    /no list "names"/,
  ],
  [
    'an access object with an unknown kind',
    { ...good, search: undefined, access: { read: [] } } as unknown as ConnectRequest,
    /has "read"/,
  ],
  ['seeds in proxy mode', { ...proxied, seeds: ['us-1:9443'] }, /--seeds belongs to sniff mode/],
  ['proxy mode without an address', { ...good, mode: 'proxy' }, /--proxy-address/],
  ['a proxy address in sniff mode', { ...good, proxyAddress: 'us:9443' }, /belongs to proxy mode/],
  ['a server name in sniff mode', { ...good, serverName: 'us' }, /belongs to proxy mode/],
  ['an address without port', { ...good, seeds: ['us-1'] }, /"us-1" is not an address: it has no port/],
  ['a bad IPv6 address', { ...good, seeds: ['[2001:::1]:9443'] }, /not an IPv6 address/],
  ['an IPv6 address without brackets', { ...proxied, proxyAddress: '2001:db8::1:9443' }, /brackets/],
  ['a bad duration', { ...good, expires: '90' }, /"90" is not a duration/],
  ['a duration of nothing', { ...good, expires: '0d' }, /"0d" is not a duration/],
  ['metadata that Elasticsearch keeps for itself', { ...good, metadata: { _x: 1 } }, /"_x"/],
  ['an unknown setting', { ...good, set: { nonsense: '1' } }, /--set nonsense: there is no such setting/],
  [
    'a setting named like a method',
    { ...good, set: { constructor: '1' } },
    /--set constructor: there is no such setting/,
  ],
  ['a setting that has a flag', { ...good, set: { seeds: 'a:1' } }, /use --seeds/],
  ['credentials', { ...good, set: { credentials: 'x' } }, /refused/],
  ['a setting of the other mode', { ...good, set: { proxy_socket_connections: '3' } }, /belongs to proxy mode/],
  ['a bad value of a setting', { ...good, set: { 'transport.compress': 'yes' } }, /true, false or indexing_data/],
  ['a bad SAN', { ...good, sans: ['a b'] }, /"a b" is not an address/],
  ['a bad name of a CA', { ...good, ca: '../x' }, /--ca \.\.\/x/],
  ['a bad port', { ...good, remotePort: 70_000 }, /between 1 and 65535/],
];

it.each(refused)('refuses %s', (_, request, message) => {
  let thrown: unknown;
  try {
    checkConnectRequest(request);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'bad-input', message: expect.stringMatching(message) });
});

it('names the modes when one is unknown', () => {
  expect(() => parseMode('snif')).toThrow(/--mode sniff or --mode proxy/);
});
