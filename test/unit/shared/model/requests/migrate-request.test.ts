import { checkMigrateRequest, type MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { describe, expect, test } from 'vitest';

const wish = (more: Partial<MigrateRequest> = {}): MigrateRequest => ({
  ...{ local: 'eu', alias: 'us', to: 'api_key', search: ['logs-*'] },
  ...more,
});
const { search: _, ...bare } = wish();

describe('a request to migrate', () => {
  test.each([
    ['with what the key shall grant', wish()],
    ['of one through a proxy', wish({ proxyAddress: 'proxy:9443', serverName: 'us.example.com' })],
    ['of one made by hand', wish({ remote: 'us' })],
    ['that takes the trust off alone', { ...bare, removeTrust: true }],
  ] satisfies [string, MigrateRequest][])('%s is taken', (_, request) => {
    expect(() => checkMigrateRequest(request)).not.toThrow();
  });

  test.each([
    ['to anything else', { ...wish(), to: 'certificate' } as unknown as MigrateRequest, /migrated to api_key alone/],
    ['that grants nothing', bare, /No access was given/],
    ['to the same cluster', wish({ remote: 'eu' }), /two different clusters/],
    ['with seeds and a proxy', wish({ proxyAddress: 'proxy:9443', seeds: ['us-1:9443'] }), /--seeds belongs to sniff/],
  ] satisfies [string, MigrateRequest, RegExp][])('%s is refused', (_, request, message) => {
    expect(() => checkMigrateRequest(request)).toThrow(message);
  });
});
