import { expect, test } from 'vitest';
import { cloudConnected } from '../connect/deployments.ts';
import { lines } from '../connect/plans.ts';
import { works } from '../connect/truth.ts';
import { cloudWorld, deploymentIn } from '../connect/world.ts';
import { carriedOut, one, planKey, secret, usable } from './plans.ts';

const standing = () => cloudConnected(cloudWorld(), { expires: '90d' });

test('the key of a deployment is replaced through its cloud, without a gap, and the old one ends last', () => {
  const before = standing();
  const plan = planKey(before);
  expect(lines(plan)).toEqual([
    'api-key api-key.create us api',
    'keystores cloud.key logs reload',
    'prove connection.prove eu none',
    'in-use api-key.verify eu none',
    'record connection.record coordinator none',
    'retire api-key.invalidate us api',
    'prove-again connection.prove eu none',
  ]);
  expect(plan.clusters).toEqual(['eu', 'us', 'acme/d1']);
  for (let count = 0; count <= plan.steps.length; count += 1)
    expect([count, works(carriedOut(before, plan.steps, count), 'us')]).toEqual([count, true]);
  const after = carriedOut(before, plan.steps);
  expect([deploymentIn(after).written, usable(after)]).toEqual([{ us: secret(2) }, [secret(2)]]);
});

test('a rotation that was cut off goes on with the key that it made', () => {
  const before = standing();
  const { steps } = planKey(before);
  for (let count = 1; count < steps.length; count += 1) {
    const cut = carriedOut(before, steps, count);
    const after = carriedOut(cut, planKey(cut, one).steps);
    expect([count, works(after, 'us'), usable(after).length]).toEqual([count, true, 1]);
  }
});
