import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { describe, expect, test } from 'vitest';
import { stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { DAY_MS, planIn, standing } from './plans.ts';

describe('certificates of which something is not from Remora', () => {
  test('that were made elsewhere are left, and said, unless their node or cluster is named', () => {
    const made = standing((it) => {
      it.certificates = it.certificates.map((one) => (one.node === 'us-2' ? { ...one, given: 'id-1' } : one));
    });
    const left = /^It is left: The certificate of node us-2 \(cluster us\), .* `remora certs place --files`\.$/;
    const later = { ...made, nowMs: made.nowMs + 350 * DAY_MS };
    const wishes: readonly RotateRequest[] = [
      { due: true },
      { expiring: '366d' },
      { cluster: 'us', due: true },
      { all: true },
    ];
    for (const wish of wishes) {
      const plan = planIn(later, wish);
      expect(new Set(plan.steps.map(({ target }) => target))).toEqual(new Set(['us-1', 'us-3']));
      expect(plan.warnings).toEqual([expect.stringMatching(left)]);
    }
    expect(planIn(later, { node: 'us-2', due: true })).toMatchObject({
      ...{ steps: [], warnings: [expect.stringMatching(left)] },
    });
    for (const wish of [{ cluster: 'us' }, { node: 'us-2' }] satisfies RotateRequest[]) {
      const plan = planIn(made, wish);
      expect(stepOf(plan, 'certificate.issue', 'us-2').input.given).toBeUndefined();
      expect(plan.warnings).toEqual([
        'The certificate of node us-2 (cluster us) was made elsewhere, and one that Remora makes with the key of CA us-remote takes its place.',
      ]);
    }
  });

  test('with the passphrase of their key as it was last set', () => {
    const made = standing((it) => {
      const key = { path: 'us.key', secret: 'secret:k@1', passphraseSecret: 'secret:key-passphrase/us@1' };
      it.certificates = it.certificates.map((one) =>
        one.node === 'us-2' ? { ...one, path: 'us.crt', p12Secret: 'secret:c@1', key } : one,
      );
      const node = nodeOf(it.remote, 'us-2');
      node.yml.values['xpack.security.remote_cluster_server.ssl.certificate'] = 'us.crt';
      node.yml.values['xpack.security.remote_cluster_server.ssl.key'] = 'us.key';
      node.files['us.crt'] = { source: 'secret:c@1', certificates: [] };
      node.files['us.key'] = { source: 'secret:k@1', certificates: [] };
    });
    const passphrase = () => stepOf(planIn(made, { node: 'us-2' }), 'certificate.issue').input.key?.passphraseSecret;
    expect(passphrase()).toBe('secret:key-passphrase/us@1');
    made.secretVersions['key-passphrase/us'] = 3;
    expect(passphrase()).toBe('secret:key-passphrase/us@3');
    made.secretVersions['key-passphrase/us/us-2'] = 1;
    expect(passphrase()).toBe('secret:key-passphrase/us/us-2@1');
  });
});
