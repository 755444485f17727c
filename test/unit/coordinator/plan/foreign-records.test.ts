import { describe, expect, test } from 'vitest';
import {
  type ConnectionRecord,
  casOf,
  type ForeignConnectionRecord,
  isForeign,
  keyConnections,
  proofOf,
} from '../../../../coordinator/src/plan/connection/connection-records.ts';
import type { CaRecord } from '../../../../coordinator/src/plan/records.ts';
import { meantConnections } from '../../../../coordinator/src/plan/rotate-key/chosen.ts';
import { neededCas } from '../../../../coordinator/src/plan/trust/ca-bundle.ts';

/** As an older release wrote it. */
const own: ConnectionRecord = {
  ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'api_key', mode: 'sniff', ca: 'us-remote', expires: null },
  ...{ keySecret: 'secret:connection/eu/us/api-key@1', access: { search: [{ names: ['logs-*'] }] }, settings: [] },
};
const foreign: ForeignConnectionRecord = {
  ...{ local: 'eu', alias: 'other', auth: 'api_key', mode: 'proxy', cas: ['theirs', 'us-remote'], settings: [] },
  foreign: { name: 'us', clusterUuid: null },
  keySecret: 'secret:connection/eu/other/given-key@1',
  key: { id: 'key-id', name: null, expiresAt: null },
};
const ca = (name: string, more: Partial<CaRecord> = {}): CaRecord =>
  ({ name, certificatePem: name, certificate: `secret:ca/${name}/certificate@1`, key: null, ...more }) as CaRecord;

describe('connections to clusters of others', () => {
  test('are told from those of two managed clusters, also of older records', () => {
    expect([own, foreign].map(isForeign)).toEqual([false, true]);
    expect(keyConnections([own, foreign])).toEqual([own]);
    expect([own, foreign].map(casOf)).toEqual([['us-remote'], ['theirs', 'us-remote']]);
  });

  test('are proven by the id of the key that was given', () => {
    expect(proofOf(foreign)).toMatchObject({ remote: 'us', keyId: 'key-id' });
    expect(proofOf(own)).not.toHaveProperty('keyId');
  });

  test('need the CAs that were given, and not what takes the place of one here', () => {
    const cas = [ca('us-remote', { successor: 'us-remote-2' }), ca('us-remote-2'), ca('theirs')];
    expect(neededCas(cas, [own])).toEqual(['us-remote', 'us-remote-2']);
    expect(neededCas(cas, [foreign])).toEqual(['theirs', 'us-remote']);
    expect(neededCas([ca('theirs')], [own, foreign])).toEqual(['theirs']);
  });

  test('have keys that only others can replace', () => {
    expect(() => meantConnections({ local: 'eu', alias: 'other' }, [own, foreign])).toThrow(
      /eu\/other was given by those who run us/,
    );
    expect(meantConnections({ local: 'eu' }, [own, foreign])).toEqual([own]);
  });
});
