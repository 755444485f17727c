import { describe, expect, test } from 'vitest';
import { adviceFor } from '../../../../coordinator/src/elasticsearch/advice.ts';
import { explain } from '../../../../coordinator/src/elasticsearch/client.ts';

/** By the numbers of what was tried on real nodes (9.5.3 and 8.19.21) or read in the source: what only Elasticsearch can know. */
const texts: readonly (readonly [number, string, RegExp])[] = [
  [
    15,
    'Cannot configure setting [cluster.remote.st.skip_unavailable] if remote cluster is not enabled.',
    /stands in elasticsearch\.yml, or somebody took it out/,
  ],
  [27, 'illegal_state_exception: Keystore is missing', /ES_PATH_CONF/],
  [27, 'security_exception: Provided keystore password was incorrect', /remora secrets set/],
  [27, 'corrupt_index_exception: checksum failed (hardware problem?) : expected=1 actual=2', /damaged/],
  [
    45,
    'unknown secure setting [cluster.remote.x.credential] please check that any required plugins are installed',
    /elasticsearch-keystore remove/,
  ],
  [
    49,
    'Setting "cluster.remote.x.seeds" cannot be used with the configured "cluster.remote.x.mode" [required=SNIFF, configured=PROXY]',
    /settings of the other mode/,
  ],
  [56, 'persistent setting [cluster.remote.initial_connect_timeout], not dynamically updateable', /remora restart/],
  [
    63,
    'Exceptions for field permissions must be a subset of the granted fields but b is not a subset of a',
    /--access/,
  ],
  [66, 'Validation Failed: 1: API key expiration must be in the future;', /remora doctor/],
  [67, 'Validation Failed: 1: Invalid certificate_identity format: [CN=(]. Must be a valid regex.;', /of Java/],
  [69, 'cannot update invalidated API key [ID]', /makes another one/],
  [69, 'cannot update expired API key [ID]', /makes another one/],
  [
    70,
    'authentication via API key not supported: An API key cannot be used to create a cross-cluster API key',
    /user with a password/,
  ],
  [
    72,
    'action [cluster:admin/xpack/security/cross_cluster/api_key/create] is unauthorized for user [u] with effective roles [r], this action is granted by the cluster privileges [manage_security,all]',
    /lacks a privilege.*--create-user/,
  ],
  [89, 'Configured file [/etc/elasticsearch/nosuch.key] not found', /Every node needs the file/],
  [89, 'cannot specify [signing.certificate] without also setting [signing.key]', /Every node needs the file/],
  [99, 'current license is non-compliant for [advanced-remote-cluster-security]', /enterprise or trial/],
  [0, 'index [.security-7] blocked by: [FORBIDDEN/6/cluster read-only (api)];', /cluster\.blocks\.read_only/],
];

describe('what Elasticsearch refuses that nobody else could know', () => {
  test.each(texts)('%i: "%s" comes with what to do', (_, text, advice) => expect(adviceFor(text)).toMatch(advice));

  test('is shown with what was tried, the cluster, the answer whole, and what to do', () => {
    const reason = 'cannot update expired API key [k1]';
    const answer = { statusCode: 400, body: { error: { type: 'illegal_argument_exception', reason } } };
    expect(explain(answer, 'us', 'Updating API key k1')).toMatchObject({
      code: 'elasticsearch-error',
      message: `Updating API key k1 on cluster us: 400: ${reason}.`,
      hint: expect.stringContaining('Give the same command again'),
    });
  });

  test('is told from the innermost cause, where a body could not be parsed', () => {
    const inner = { reason: 'Exceptions for field permissions must be a subset of the granted fields' };
    const outer = {
      reason: 'failed to parse field [access]',
      caused_by: { reason: 'field [search]', caused_by: inner },
    };
    const { message, hint } = explain({ statusCode: 400, body: { error: outer } }, 'us', 'Creating the key');
    expect(message).toBe(
      `Creating the key on cluster us: 400: failed to parse field [access]: field [search]: ${inner.reason}.`,
    );
    expect(hint).toContain('--access');
  });

  test('a text that is not known is shown as it is, with what can be done of any', () => {
    expect(adviceFor('something new')).toBeUndefined();
    const answer = { statusCode: 500, body: { error: { reason: 'something new' } } };
    expect(explain(answer, 'us', 'Writing role r')).toMatchObject({
      message: 'Writing role r on cluster us: 500: something new.',
      hint: expect.stringMatching(/^Mend what its answer names/),
    });
  });
});
