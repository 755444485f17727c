import { describe, expect, test } from 'vitest';
import { ANY_KEY, judgeProof, proofHint } from '../../../../../coordinator/src/plan/connection/proof-hints.ts';

/** Texts as Elasticsearch 8.19.21 and 9.5.3 give them. */
const texts: readonly (readonly [string, RegExp])[] = [
  ['api key [ID] has been invalidated', /invalidated on the remote cluster/],
  ['unable to authenticate user [ID] for action [cluster:internal/remote_cluster/handshake]', /does not know this key/],
  ['api key is expired', /has expired/],
  ['current license is non-compliant for [advanced-remote-cluster-security]', /licence of one side/],
  [
    'Cross cluster requests through the dedicated remote cluster server port require transport header [_cross_cluster_access_credentials] but none found.',
    /sent no key/,
  ],
  ['authentication expected API key type of [cross_cluster], but API key [ID] has type [rest]', /another type/],
  ['requires certificate identity matching [CN=signer,O=x], but no certificate was provided', /strong identity/],
  ['no such remote cluster: [us]', /not registered on this node/],
  [
    'action [indices:admin/resolve/cluster] towards remote cluster [us] is unauthorized for user [remora] with effective roles [remora] because no remote indices privileges apply for the target cluster',
    /says nothing of the connection.*remote_indices/,
  ],
  ['unknown host [no-such-host.invalid]', /does not resolve/],
  ['handshake timed out after 10000ms', /firewall/],
  [
    'Failed to verify cross cluster api key signature certificate from [(CN=instance;X.509;SHA1:8ae9)]',
    /does not trust the certificate with which this node signs/,
  ],
  [
    'DN from provided certificate [CN=node one,O=Foo Inc,C=US] does not match API Key certificate identity pattern [CN=other]',
    /another than the key demands/,
  ],
  [
    'Invalid cross cluster api key signature from [(CN=instance;X.509;SHA1:8ae9)]',
    /does not belong to its certificate/,
  ],
  [
    'Cannot verify signed cross-cluster headers because [cluster.remote.signing] has not trust configuration',
    /no CA by which it could take a signature/,
  ],
  ['Provided signature does not contain any certificates', /cannot read the signature/],
  ['failed to extract credentials from headers', /cannot read the signature/],
  ['Failed to sign cross cluster headers for cluster [us]', /cannot sign with the key/],
  ['Unsupported Key Type [DSA] in private key for [CN=signer]', /one RSA or EC key/],
  ['all nodes must have version [8.10.0] or higher to support cross cluster requests', /too old/],
  [
    'action [indices:data/read/search] towards remote cluster is unauthorized for user [u1] with assigned roles [rs] authenticated by API key id [ID] of user [elastic] on indices [index2], this action is granted by the index privileges [read,all]',
    /says the same of both/,
  ],
  ['Connection refused: /127.0.0.1:9443', /Nothing listens/],
  ['port out of range:70000', /1 to 65535/],
  ['No subject alternative names matching IP address 10.0.0.1 found', /does not cover the address/],
  ['No subject alternative DNS name matching us-1 found.', /does not cover the address/],
  ['Connection closed while SSL/TLS handshake was in progress', /closed the connection during/],
  ['handshake failed because connection reset', /closed the connection during/],
  ["Hostname/IP does not match certificate's altnames: IP: 10.0.0.1 is not in the cert's list: ", /does not cover/],
  ['certificate has expired', /has ended/],
  ['CERT_HAS_EXPIRED', /has ended/],
  ['unable to get local issuer certificate', /does not trust/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /does not trust/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /does not trust/],
  ['PKIX path building failed: unable to find valid certification path to requested target', /does not trust/],
];

describe('the hint to a proof that failed', () => {
  test.each(texts)('%s', (text, hint) => {
    expect(proofHint(text)).toMatch(hint);
  });
  test('is none where there is nothing better to say', () => {
    expect(proofHint('the moon is full')).toBeNull();
  });
});

describe("a node's answer", () => {
  const unauthorized = (id: string): string =>
    `action [indices:admin/resolve/cluster] towards remote cluster is unauthorized for user [elastic] with assigned roles [superuser] authenticated by API key id [${id}] of user [elastic]`;

  test('connected is a proof', () => {
    expect(judgeProof({ connected: true }, 'k')).toEqual({ ok: true, state: 'ok', error: null, hint: null });
  });
  test('a refusal that names our key is one too: TLS and authentication worked', () => {
    expect(judgeProof({ connected: false, error: unauthorized('k') }, 'k').ok).toBe(true);
  });
  test.each([
    ['of another key', unauthorized('other'), 'k'],
    ['of a key that begins like ours', unauthorized('k2'), 'k'],
    ['of no known key', unauthorized('k'), null],
  ])('a refusal %s is none', (_, error, key) => {
    expect(judgeProof({ connected: false, error }, key)).toMatchObject({ ok: false, state: 'failed', error });
  });
  test('a refusal that names any key proves a connection whose key Remora does not know, as that of others with a key that replicates only', () => {
    expect(judgeProof({ connected: false, error: unauthorized('theirs') }, ANY_KEY).ok).toBe(true);
    expect(judgeProof({ connected: false, error: 'api key [theirs] has been invalidated' }, ANY_KEY).ok).toBe(false);
  });
  test('what the local cluster refuses to the user of Remora is neither a proof nor a failure', () => {
    const error =
      'action [indices:admin/resolve/cluster] towards remote cluster [us] is unauthorized for user [remora] with effective roles [remora] because no remote indices privileges apply for the target cluster';
    for (const key of ['k', ANY_KEY, null] as const)
      expect(judgeProof({ connected: false, error }, key)).toMatchObject({ ok: false, state: 'n/a', error });
  });
  test('no text and no answer at all are no proof, and say what it most often is', () => {
    for (const answer of [undefined, {}, { connected: false }, { connected: false, error: '' }])
      expect(judgeProof(answer, 'k')).toMatchObject({ ok: false, error: expect.stringContaining('no reason') });
  });
});
