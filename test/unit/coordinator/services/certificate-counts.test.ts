import { X509Certificate } from 'node:crypto';
import type { SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';
import { expect, onTestFinished, test, vi } from 'vitest';
import { certificatesIn } from '../../../../agent/src/node/certificate-facts.ts';
import type { NodeCertificates } from '../../../../coordinator/src/observe/certificates/observe-certificates.ts';
import { type CertificateAuthority, createCa } from '../../../../coordinator/src/pki/ca.ts';
import { issueCertificate } from '../../../../coordinator/src/pki/issue.ts';
import { generateRsaKeyPair } from '../../../../coordinator/src/pki/keys.ts';
import type { CaRecord, CertificateRecord } from '../../../../coordinator/src/plan/records.ts';
import {
  type CertificatesKnown,
  certificateViews,
} from '../../../../coordinator/src/services/certificates/certificate-views.ts';

/** How the work of a look grows with the fleet: nodes with a port and a record each, and the CA that signed all of them in a file of each. */
const now = new Date();
const HTTP = 'xpack.security.http.ssl';
const ca = await createCa({ commonName: 'fleet', validityDays: 300, keyBits: 2048, now });
const { publicKeyPem } = await generateRsaKeyPair(2048);

const seen = (pem: string): SeenCertificate => certificatesIn(pem, true)[0] ?? expect.unreachable();
const issue = (name: string, by: CertificateAuthority): SeenCertificate =>
  seen(
    issueCertificate({
      ...{ ca: by, publicKeyPem, subject: { commonName: name }, sans: { dns: [name], ip: [] }, usage: ['server'], now },
      validityMs: 100 * 86_400_000,
    }).certificatePem,
  );

const nodeOf = (name: string, leaf: SeenCertificate): NodeCertificates => {
  const at = { digest: 'digest', source: null, modifiedAtMs: 0 };
  return {
    ...{ cluster: 'us', node: name, problems: [], configured: [] },
    served: [{ purpose: 'http', hosts: [name], port: 9200, error: '', chain: [leaf] }],
    facts: {
      configDir: '/etc/elasticsearch',
      files: [
        { ...at, path: 'http.crt', certificates: [leaf] },
        { ...at, path: 'cas.crt', certificates: [seen(ca.certificatePem)] },
      ],
      settingsFile: {
        ...{ path: '', digest: null, modifiedAtMs: null, refusal: null },
        values: { [`${HTTP}.certificate`]: 'http.crt', [`${HTTP}.certificate_authorities`]: ['cas.crt'] },
      },
    },
  };
};

const recordOf = (node: string, facts: SeenCertificate): CertificateRecord => ({
  ...{ cluster: 'us', node, purpose: 'http', ca: 'fleet', path: 'http.crt', names: [node], facts },
  ...{ p12Secret: `secret:${node}@1`, passwordSecret: `secret:${node}/password@1` },
});
const caOf = (name: string, facts: SeenCertificate): CaRecord => ({
  ...{ name, certificatePem: ca.certificatePem, certificate: '', key: null },
  facts: { ...facts, subject: `CN=${name}`, fingerprint256: `fingerprint of ${name}` },
});

/** So many nodes, each with a record, and as many CAs. */
const fleetOf = (size: number): CertificatesKnown => {
  const names = Array.from({ length: size }, (_, i) => `us-${i + 1}`);
  const leaves = names.map((name) => [name, issue(name, ca)] as const);
  return {
    nodes: leaves.map(([name, leaf]) => nodeOf(name, leaf)),
    records: leaves.map(([name, leaf]) => recordOf(name, leaf)),
    cas: [caOf('fleet', seen(ca.certificatePem)), ...leaves.map(([name, leaf]) => caOf(`of ${name}`, leaf))],
    ...{ signers: [], clusterCas: [], now },
  };
};

/** How much is counted for fleets of one, two and three times a size: what is the same for each node grows by the same from one to the next. */
const growth = (count: (fleet: CertificatesKnown) => number): readonly [number, number] => {
  const [one = 0, two = 0, three = 0] = [4, 8, 12].map((size) => count(fleetOf(size)));
  expect(two).toBeGreaterThan(one);
  return [two - one, three - two];
};

test('no record and no CA is looked at once more for each node that the fleet has more', () => {
  const [first, second] = growth((fleet) => {
    let reads = 0;
    const counted = <T extends object>(record: T): T =>
      new Proxy(record, {
        get(target, name, receiver) {
          reads += 1;
          return Reflect.get(target, name, receiver);
        },
      });
    const { certificates } = certificateViews({
      ...fleet,
      records: fleet.records.map(counted),
      cas: fleet.cas.map(counted),
    });
    expect(certificates.filter(({ managed }) => managed)).toHaveLength(fleet.nodes.length);
    return reads;
  });
  expect(second).toBe(first);
});

test('a signature is tried with the CA once, however many nodes have that', () => {
  const verify = vi.spyOn(X509Certificate.prototype, 'verify');
  onTestFinished(() => verify.mockRestore());
  const [first, second] = growth((fleet) => {
    verify.mockClear();
    const { certificates } = certificateViews({ ...fleet, cas: [] });
    expect(certificates.flatMap(({ findings }) => findings)).toEqual([]);
    return verify.mock.calls.length;
  });
  expect(second).toBe(first);
});
