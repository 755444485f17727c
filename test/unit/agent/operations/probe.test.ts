import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentConfig } from '../../../../agent/src/checks.ts';
import { probe } from '../../../../agent/src/operations/probe.ts';
import { openssl, scratch } from '../../coordinator/pki/outside-tools.ts';

const config: AgentConfig = {
  ...{ name: 'eu-1', cluster: 'eu', storeId: 's', coordinators: ['https://localhost'] },
  elasticsearch: { home: '/', configDir: '/', settingsFile: '/elasticsearch.yml', url: 'http://localhost:9200' },
  service: { systemd: 'elasticsearch.service' },
};
const address = (server: Server): number => (server.address() as AddressInfo).port;
let server: Server;

beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.close();
});

test.each([
  ['open', {}, { tcp: 'open' }],
  ['without a handshake in its time', { tls: {} }, { tcp: 'open', tls: { trusted: false } }],
  ['refused', { port: 1 }, { tcp: 'refused' }],
])(
  'a probe that is over (%s) leaves nothing at the signal that lives as long as the agent',
  async (_, input, answer) => {
    const draining = new AbortController().signal;
    const given = { host: '127.0.0.1', port: address(server), timeoutMs: 300, ...input };
    expect(await probe(given, { config, draining })).toMatchObject(answer);
    expect(getEventListeners(draining, 'abort')).toEqual([]);
  },
);

test('a probe that waits ends when the agent stops', async () => {
  const draining = new AbortController();
  const shaking = once(server, 'connection').then(([socket]) => once(socket, 'data'));
  const input = { host: '127.0.0.1', port: address(server), timeoutMs: 600_000, tls: {} };
  const answer = probe(input, { config, draining: draining.signal });
  await shaking;
  draining.abort();
  expect(await answer).toMatchObject({ tls: { trusted: false, error: 'the agent is stopping' } });
});

test('a CA that another one signed is the end of the chain where it is trusted, as Java has it', async () => {
  const directory = scratch();
  const at = (name: string): string => join(directory, name);
  const key = ['-newkey', 'rsa:2048', '-noenc'];
  const issue = (name: string, by: string | null, extension: string): void => {
    const signer = by === null ? [] : ['-CA', at(`${by}.crt`), '-CAkey', at(`${by}.key`)];
    const out = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
    openssl(['req', '-x509', '-subj', `/CN=${name}`, '-addext', extension, ...key, ...signer, ...out]);
  };
  issue('root', null, 'basicConstraints=critical,CA:TRUE');
  issue('issuing', 'root', 'basicConstraints=critical,CA:TRUE');
  issue('leaf', 'issuing', 'subjectAltName=IP:127.0.0.1');
  const read = (name: string): string => readFileSync(at(name), 'utf8');
  const tls = createTlsServer({ cert: read('leaf.crt') + read('issuing.crt'), key: read('leaf.key') }).listen(
    0,
    '127.0.0.1',
  );
  await once(tls, 'listening');
  try {
    const draining = new AbortController().signal;
    const trusting = (name: string) =>
      probe(
        { host: '127.0.0.1', port: address(tls), timeoutMs: 5000, tls: { caPem: read(name) } },
        { config, draining },
      );
    expect((await trusting('issuing.crt')).tls).toMatchObject({ trusted: true, error: '' });
    expect((await trusting('root.crt')).tls).toMatchObject({ trusted: true, error: '' });
    expect((await trusting('leaf.crt')).tls?.chain[0]?.subject).toBe('CN=leaf');
    issue('stranger', null, 'basicConstraints=critical,CA:TRUE');
    expect((await trusting('stranger.crt')).tls?.trusted).toBe(false);
  } finally {
    tls.close();
  }
});
