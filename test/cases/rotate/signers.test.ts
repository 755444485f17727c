import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, lines } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { type World, world } from '../connect/world.ts';
import { DAY_MS, planIn, refusalIn } from './plans.ts';

/** Certificates with which nodes sign are replaced as those that ports serve. */

const signed = (): World => connected(world({ remote: 1, local: 3 }), { certificateIdentity: 'CN=signer,O=x' });

const rotated = [
  ...['eu-1', 'eu-2', 'eu-3'].map((node) => `issue signing-certificate.issue ${node} none`),
  'first node.change eu-1 file',
  'first signing.verify eu-1 none',
  'files node.change eu-2 file',
  'files node.change eu-3 file',
  'verify signing.verify eu-2 none',
  'verify signing.verify eu-3 none',
];

describe('signing certificates', () => {
  test('of a cluster: one node is proven first, nothing restarts, and the connection works after each step', () => {
    const made = signed();
    const { steps, restarts } = planIn(made, { cluster: 'eu' });
    expect(steps.map(({ stage, kind, target, effect }) => `${stage} ${kind} ${target} ${effect}`)).toEqual(rotated);
    expect(restarts).toEqual([]);
    for (let end = 1; end <= steps.length; end += 1)
      expect(isConnected(applySteps(made, steps.slice(0, end)), 'us'), steps[end - 1]?.id).toBe(true);
    const after = applySteps(made, steps);
    expect(
      after.signers.map(({ p12Secret, passwordSecret }) => [p12Secret.slice(-2), passwordSecret.slice(-2)]),
    ).toEqual(Array.from({ length: 3 }, () => ['@2', '@1']));
  });

  test('of one node, for another time', () => {
    const plan = planIn(signed(), { node: 'eu-2', validity: '30d' });
    expect(lines(plan)).toEqual([
      'issue signing-certificate.issue eu-2 none',
      'first node.change eu-2 file',
      'first signing.verify eu-2 none',
    ]);
    expect(plan.steps[0]?.input).toMatchObject({ validityMs: 30 * DAY_MS, subject: 'CN=signer,O=x' });
  });

  test('are due with the others, and left until then', () => {
    const made = signed();
    expect(lines(planIn(made, { due: true }))).toEqual([]);
    made.nowMs += 300 * DAY_MS;
    expect(lines(planIn(made, { due: true })).filter((line) => line.includes('signing-certificate'))).toHaveLength(3);
  });

  test('that were issued and never placed are due', () => {
    const made = signed();
    const half = applySteps(made, planIn(made, { cluster: 'eu' }).steps.slice(0, 3));
    expect(lines(planIn(half, { due: true }))).toEqual(rotated);
  });

  test('keep their passwords, which is told', () => {
    const plan = planIn(signed(), { cluster: 'eu', newPassword: true });
    expect(lines(plan)).toEqual([]);
    expect(plan.warnings.join()).toContain('keep their passwords and are left');
  });

  test('of a CA whose key is elsewhere are refused by name, or left where others can be replaced', () => {
    const made = signed();
    made.cas = made.cas.map((ca) => (ca.name === 'eu-signing' ? { ...ca, key: null } : ca));
    expect(refusalIn(made, { cluster: 'eu' }).message).toContain('The key of CA eu-signing is not here');
    expect(planIn(made, { all: true, asFarAsPossible: true }).warnings.join()).toContain(
      'It is left: The key of CA eu-signing',
    );
  });
});
