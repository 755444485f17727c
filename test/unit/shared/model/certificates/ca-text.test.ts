import { checkForeignConnectRequest } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { checkKeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { describe, expect, test } from 'vitest';

const certificate = '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n';
const keys = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'EC PRIVATE KEY'];

describe('a CA that is given with its private key', () => {
  test.each(keys)('is refused, so that no plan keeps it: %s', (label) => {
    const caPem = `${certificate}-----BEGIN ${label}-----\nMII=\n-----END ${label}-----\n`;
    const mode = 'sniff' as const;
    const create = { remote: 'us', for: 'team', mode, search: ['a'], serverCa: caPem };
    expect(() => checkKeyCreateRequest(create)).toThrow('--server-ca holds a private key.');
    const key = { secret: 'secret:connection/eu/us/given-key@1', id: 'k' };
    const foreign = { local: 'eu', alias: 'us', name: 'us', mode, seeds: ['us:9443'], key };
    expect(() => checkForeignConnectRequest({ ...foreign, caPem })).toThrow('--remote-ca holds a private key.');
    for (const pem of [certificate, null]) {
      expect(() => checkKeyCreateRequest({ ...create, serverCa: pem })).not.toThrow();
      expect(() => checkForeignConnectRequest({ ...foreign, caPem: pem })).not.toThrow();
    }
  });
});
