import { describe, expect, test } from 'vitest';
import type { ClusterKey } from '../../../coordinator/src/plan/keys/cluster-key.ts';
import type { KeyRotationFacts } from '../../../coordinator/src/plan/rotate-key/facts.ts';
import { request } from '../connect/facts.ts';
import { lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected, works } from '../connect/truth.ts';
import { carriedOut, keyFacts, one, planKey, secret, standing, usable, wish } from './plans.ts';

const again = request(wish);

describe('where an earlier rotation did not come to its end', () => {
  test('from wherever it was cut off the connection works, and a second one leaves it with one key', () => {
    const before = standing();
    const { steps } = planKey(before);
    for (let count = 0; count <= steps.length; count += 1) {
      const cut = carriedOut(before, steps, count);
      expect(works(cut, 'us'), `${count}`).toBe(true);
      const second = planKey(cut);
      for (let next = 0; next <= second.steps.length; next += 1)
        expect(works(carriedOut(cut, second.steps, next), 'us'), `${count}/${next}`).toBe(true);
      const done = carriedOut(cut, second.steps);
      expect(usable(done), `${count}`).toEqual([done.connections[0]?.keySecret]);
      const connects = carriedOut(cut, planIn(cut, again).steps);
      expect(isConnected(connects, 'us'), `${count}`).toBe(true);
    }
  });

  test('its key is taken where it is what is wanted, and is one of the old ones where it is not', () => {
    const cut = carriedOut(standing(), planKey(standing()).steps, 2);
    const goesOn = planKey(cut);
    expect(lines(goesOn)).toEqual(lines(planKey(standing())).filter((line) => !/create|node.change eu-1/.test(line)));
    expect(stepOf(goesOn, 'connection.record').input.connection).toMatchObject({ keySecret: secret(2) });
    const other = planKey(cut, { ...one, expires: '30d' });
    expect(stepOf(other, 'api-key.create').input.secret).toBe(secret(3));
    const retired = other.steps.flatMap((step) => (step.kind === 'api-key.invalidate' ? [step.input.secret] : []));
    expect(retired).toEqual([secret(1), secret(2)]);
  });

  test.each<[string, Partial<ClusterKey>, number]>([
    ['grants something else by now', { access: { search: [{ names: ['*'] }] } }, 0],
    ['demands another signature', { certificateIdentity: 'CN=eu' }, 0],
    ['has lived most of its life', {}, 65],
  ])('nor is it where it %s', (_, more, days) => {
    const cut = carriedOut(standing(), planKey(standing()).steps, 2);
    const plan = planKey({ ...cut, nowMs: cut.nowMs + days * 86_400_000 }, one, (facts: KeyRotationFacts) => ({
      ...facts,
      keys: facts.keys.map((found) =>
        found.record.secret === secret(2) ? { ...found, key: found.key && { ...found.key, ...more } } : found,
      ),
    }));
    expect(stepOf(plan, 'api-key.create').input.secret).toBe(secret(3));
    expect(plan.steps.flatMap((step) => (step.kind === 'api-key.invalidate' ? [step.input.secret] : []))).toEqual([
      secret(1),
      secret(2),
    ]);
  });

  test('and the new one is on record: it stays, and the old one is invalidated at last, also by a schedule', () => {
    const before = standing();
    const { steps } = planKey(before);
    const cut = carriedOut(before, steps, steps.findIndex(({ kind }) => kind === 'connection.record') + 1);
    const plan = planKey(cut, { due: true });
    expect(lines(plan)).toEqual(lines(planKey(before)).filter((line) => !/create|node.change/.test(line)));
    expect(lines(planKey(cut))).toEqual(lines(plan));
    expect(plan.steps.flatMap((step) => (step.kind === 'api-key.invalidate' ? [step.input.secret] : []))).toEqual([
      secret(1),
    ]);
    const done = carriedOut(cut, plan.steps);
    expect([usable(done), done.connections]).toEqual([[secret(2)], cut.connections]);
    expect(planKey(done, { due: true }).steps).toEqual([]);
    expect(stepOf(planKey(cut, { ...one, expires: '30d' }), 'api-key.create').input.secret).toBe(secret(3));
  });

  test('keys of it that are not on record are invalidated at last, and those of other connections are not', () => {
    const plan = planKey(standing(), one, (facts) => {
      const key = keyFacts(standing()).keys[0]?.key;
      if (!key) throw new Error('there is no key');
      const mark = key.metadata.remora as object;
      const strays = [
        { cluster: 'us', key: { ...key, id: 'stray', name: 'remora-eu-us-x' } },
        { cluster: 'us', key: { ...key, id: 'other', metadata: { ...key.metadata, remora: { ...mark, alias: 'x' } } } },
        {
          cluster: 'us',
          key: { ...key, id: 'far', metadata: { ...key.metadata, remora: { ...mark, local_cluster_uuid: 'x' } } },
        },
        { cluster: 'ap', key: { ...key, id: 'elsewhere' } },
      ];
      return { ...facts, strays };
    });
    expect(plan.steps.at(-1)).toMatchObject({
      stage: 'strays',
      kind: 'api-key.revoke',
      input: { cluster: 'us', id: 'stray' },
    });
    expect(plan.steps.filter(({ stage }) => stage === 'strays')).toHaveLength(1);
  });
});
