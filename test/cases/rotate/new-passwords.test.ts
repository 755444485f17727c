import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { FILE, planIn, refusalIn, standing, whole } from './plans.ts';

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

  test('of nodes that a run did not come to, a file under the new password is not placed without it', () => {
    const made = standing();
    const plan = planIn(made, { cluster: 'us', newPassword: true });
    const until = plan.steps.findIndex(({ stage }) => stage === 'roll');
    const half = applySteps(made, plan.steps.slice(0, until));
    const notPlaced =
      /^Node us-1 \(cluster us\) does not run with the password of its file .* `remora runs resume`, .* --node us-1 --new-password`\. \(and 1 more\)$/;
    expect(refusalIn(half, { due: true }).message).toMatch(notPlaced);
    expect(refusalIn(half, { due: true, asFarAsPossible: true }).message).toMatch(notPlaced);
    const rest = planIn(half, { cluster: 'us', asFarAsPossible: true });
    expect(new Set(rest.steps.map(({ target }) => target))).toEqual(new Set(['us-2']));
    expect(rest.warnings.filter((warning) => /^It is left: Node us-[13] .* runs resume/.test(warning))).toHaveLength(2);
    const again = planIn(half, { due: true, newPassword: true });
    expect(again.restarts).toEqual(['us-3', 'us-1']);
    expect(planIn(applySteps(half, again.steps), { due: true }).steps).toEqual([]);
  });

  test('a password that the process has not read yet is not in use', () => {
    const made = standing((it) => {
      const entry = nodeOf(it.remote, 'us-2').keystore.entries[PASSWORD];
      if (!entry) throw new Error('us-2 has no password');
      entry.writtenAtMs = it.nowMs + 3_600_000;
    });
    expect(refusalIn(made, { node: 'us-2' })).toMatchObject({
      ...{ code: 'conflict', message: expect.stringContaining('does not run with the password') },
    });
  });

  test('of a keystore that cannot be read, the first password is taken as the one in use, and no later one', () => {
    const made = standing((it) => {
      nodeOf(it.remote, 'us-2').keystore.refusal = 'It is protected.';
    });
    expect(planIn(made, { node: 'us-2' }).restarts).toEqual([]);
    made.certificates = made.certificates.map((one) => ({
      ...one,
      passwordSecret: one.passwordSecret.replace('@1', '@2'),
    }));
    expect(refusalIn(made, { node: 'us-2' }).message).toContain('does not run with the password');
  });

  test('outages are stated', () => {
    const made = standing((it) => {
      for (const node of it.remote.nodes) if (!node.electedMaster) node.roles = ['data'];
    });
    expect(planIn(made, { cluster: 'us', newPassword: true }).outages.join()).toContain('can be elected master');
  });
});
