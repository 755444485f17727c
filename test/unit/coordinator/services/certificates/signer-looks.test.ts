import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { describe, expect, test } from 'vitest';
import type { NodeCertificates } from '../../../../../coordinator/src/observe/certificates/observe-certificates.ts';
import type { SigningCertificateRecord } from '../../../../../coordinator/src/plan/records.ts';
import { lookAtSigners } from '../../../../../coordinator/src/services/certificates/signer-looks.ts';

const PATH = 'remora-signing-us.p12';
const P12 = 'secret:node/eu/eu-1/signing/us/p12';

const record: SigningCertificateRecord = {
  ...{ cluster: 'eu', node: 'eu-1', alias: 'us', remote: 'us', ca: 'eu-signing', subject: 'CN=eu-us', validityMs: 1 },
  ...{ p12Secret: `${P12}@2`, passwordSecret: 'secret:password@1' },
  facts: {
    ...{ subject: 'CN=eu-us', issuer: 'CN=eu-signing', sans: [], fingerprint256: 'f', serial: '01' },
    ...{ notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2027-01-01T00:00:00.000Z' },
  },
};

const nodeWith = (file: Pick<NodeFacts['files'][number], 'digest' | 'source'> | null): NodeCertificates => ({
  ...{ cluster: 'eu', node: 'eu-1', configured: [], served: [], problems: [] },
  facts:
    file === null
      ? null
      : {
          configDir: '/etc/elasticsearch',
          settingsFile: { path: '', digest: null, modifiedAtMs: null, refusal: null, values: {} },
          files: [{ path: PATH, modifiedAtMs: null, certificates: [], ...file }],
        },
});

describe('the certificate with which a node signs', () => {
  test.each([
    ['as it is on record', { digest: 'd', source: `${P12}@2` }, []],
    ['of a node that cannot be looked at', null, []],
    ['in a file that is gone', { digest: null, source: null }, [['critical', `The file ${PATH} is missing`]]],
    ['that was issued and never placed', { digest: 'd', source: `${P12}@1` }, [['warning', 'A newer one was issued']]],
    ['in a file of somebody else', { digest: 'd', source: null }, [['warning', 'Somebody else put another file']]],
  ] as const)('%s', (_, file, found) => {
    const [look] = lookAtSigners(nodeWith(file), [record]);
    expect(look).toMatchObject({ purpose: 'remote_cluster_signing', path: PATH, served: null, facts: record.facts });
    expect(look?.findings.map(({ level, text }, i) => [level, text.slice(0, found[i]?.[1].length)])).toEqual(found);
  });

  test('that was made elsewhere is placed again, or replaced, by connect', () => {
    const [look] = lookAtSigners(nodeWith({ digest: null, source: null }), [{ ...record, given: 'id' }]);
    expect(look?.findings[0]?.text).toContain(
      '`remora connect eu us --alias us` with the flags of the connection places it',
    );
    expect(look?.replacement).toContain('--alias us --signing-ca eu-signing --signing-files DIR');
    expect(lookAtSigners(nodeWith(null), [record])[0]?.replacement).toBeUndefined();
  });
});
