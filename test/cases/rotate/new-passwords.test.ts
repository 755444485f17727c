import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { FILE, planIn, standing, whole } from './plans.ts';

describe('with new passwords', () => {
  const PASSWORD = 'xpack.security.remote_cluster_server.ssl.keystore.secure_password';

  test('each node is restarted once, one of them first, whole; a password of its own for each', () => {
    const made = standing();
    const plan = planIn(made, { cluster: 'us', newPassword: true });
    expect(lines(plan)).toEqual([
      ...['us-2', 'us-3', 'us-1'].map((node) => `issue certificate.issue ${node} none`),
      ...['first-roll node.change us-2 restart', 'first remote-server.verify us-2 none'],
      ...['us-3', 'us-1'].map((node) => `roll node.change ${node} restart`),
      ...['us-3', 'us-1'].map((node) => `verify remote-server.verify ${node} none`),
    ]);
    expect(plan.restarts).toEqual(['us-2', 'us-3', 'us-1']);
    expect(plan.stages.filter(({ mode }) => mode === 'roll').map(({ id }) => id)).toEqual(['first-roll', 'roll']);
    const { input } = stepOf(plan, 'certificate.issue', 'us-2');
    expect([input.path, input.passwordSecret]).toEqual([FILE, 'secret:node/us/us-2/remote-cluster-server/password@2']);
    const { operations } = stepOf(plan, 'node.change', 'us-2').input;
    expect(operations.map(({ name }) => name)).toEqual(['files', 'keystore', 'service']);
    expect(operations).toContainEqual(
      expect.objectContaining({
        input: expect.objectContaining({
          set: [{ name: PASSWORD, value: { $secret: input.passwordSecret }, reference: input.passwordSecret }],
        }),
      }),
    );
    const after = applySteps(made, plan.steps);
    expect(lines(planIn(after, { cluster: 'us' }))).toEqual(whole);
    expect(stepOf(planIn(after, { cluster: 'us' }), 'certificate.issue', 'us-2').input.passwordSecret).toBe(
      input.passwordSecret,
    );
  });

  test('a node with several certificates is restarted once for all of them', () => {
    const made = standing();
    const [record] = made.certificates.filter(({ node }) => node === 'us-2');
    if (!record) throw new Error('us-2 has no certificate');
    const http = 'secret:node/us/us-2/http/p12@1';
    made.certificates.push({ ...record, purpose: 'http', path: 'remora-http.p12', p12Secret: http });
    const node = nodeOf(made.remote, 'us-2');
    node.files['remora-http.p12'] = { source: http, certificates: [] };
    node.yml.values['xpack.security.http.ssl.keystore.path'] = 'remora-http.p12';
    node.keystore.entries['xpack.security.http.ssl.keystore.secure_key_password'] = { reference: null, writtenAtMs: 0 };
    const plan = planIn(made, { node: 'us-2', newPassword: true });
    expect(plan.restarts).toEqual(['us-2']);
    expect(plan.steps.map(({ kind }) => kind)).toEqual([
      ...['certificate.issue', 'certificate.issue', 'node.change', 'remote-server.verify', 'certificate.verify'],
    ]);
    const keystore = stepOf(plan, 'node.change').input.operations.flatMap((call) =>
      call.name === 'keystore' ? call.input.set.map(({ name, reference }) => [name, reference]) : [],
    );
    expect(keystore).toEqual([
      [PASSWORD, 'secret:node/us/us-2/remote-cluster-server/password@2'],
      ['xpack.security.http.ssl.keystore.secure_password', 'secret:node/us/us-2/http/password@1'],
      ['xpack.security.http.ssl.keystore.secure_key_password', 'secret:node/us/us-2/http/password@1'],
    ]);
  });

  test('outages are stated', () => {
    const made = standing((it) => {
      for (const node of it.remote.nodes) if (!node.electedMaster) node.roles = ['data'];
    });
    expect(planIn(made, { cluster: 'us', newPassword: true }).outages.join()).toContain('can be elected master');
  });
});
