import { describe, expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { principalKey, writesPrincipal } from '../../../coordinator/src/plan/rollback/keys/principals.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { connected, done, ended, refusalOf, roll } from '../rollback/connected.ts';
import { apply, bob, byKey, remove, roleIn, side, wish } from './plans.ts';

type Principal = RollbackFacts['principals'] extends ReadonlyMap<string, infer P> ? P : never;

/** A run of a plan that wrote roles and users, and what stands there now: what it made, but for what is said here. */
const pastOf = (plan: StoredPlan, now: Readonly<Record<string, Principal>> = {}): RollbackFacts => {
  const writes = plan.steps.filter(writesPrincipal);
  const made = writes.map((step): [string, Principal] => [
    principalKey(step),
    step.kind === 'role.put' ? step.input.role : step.input.user,
  ]);
  const { facts } = connected();
  return {
    ...facts,
    run: ended(plan, {
      steps: new Map(writes.map(({ id, input }) => [id, done({ kept: { before: input.expected } })])),
    }),
    keys: [],
    principals: new Map([...made, ...Object.entries(now)]),
    secretVersions: { 'users/eu/ann': 2 },
  };
};

const made = apply(
  wish({ user: { name: 'ann', password: 'secret:users/eu/ann' } }),
  byKey({ user: { name: 'ann', body: null, password: 'other' } }),
);
const changes = (facts: RollbackFacts) =>
  roll(facts)
    .steps.filter(writesPrincipal)
    .map(({ kind, input }) => [kind, input]);

describe('a run that made a role and a user', () => {
  test('is taken back: the user goes, then the role', () => {
    expect(changes(pastOf(made))).toMatchObject([
      ['user.put', { name: 'ann', user: null, password: null }],
      ['role.put', { name: 'reader', role: null }],
    ]);
  });

  test('leaves what somebody changed since, and says so', () => {
    const facts = pastOf(made, { 'User ann of cluster eu': bob(['reader', 'more']) });
    expect(changes(facts)).toMatchObject([['role.put', { role: null }]]);
    expect(roll(facts).warnings).toContain(
      'User ann of cluster eu was changed by somebody else since, and stays as it is.',
    );
  });

  test('which came to the role only has that taken back alone', () => {
    const facts = pastOf(made, { 'User ann of cluster eu': null });
    const [role] = made.steps;
    const steps = new Map([[role?.id ?? '', done({ kept: { before: null } })]]);
    expect(changes({ ...facts, run: { ...facts.run, steps } })).toMatchObject([['role.put', { role: null }]]);
  });
});

test('a role that was there before goes back to what it was', () => {
  const before = roleIn(made, 'eu');
  const plan = apply(wish({ search: ['logs-1'] }), byKey({ local: side('eu', { role: before }) }));
  expect(changes(pastOf(plan))).toMatchObject([['role.put', { role: before }]]);
});

describe('a run that removed a role and its user', () => {
  const ours = { metadata: { managed_by: 'remora', remora: { password: 'secret:users/eu/ann@2' } } };
  const removal = remove({
    local: side('eu', { role: roleIn(made, 'eu') }),
    users: [{ name: 'ann', body: bob(['reader'], ours) }],
  });

  test('is taken back with the password that Remora keeps', () => {
    expect(changes(pastOf(removal))).toMatchObject([
      ['role.put', { name: 'reader', role: { metadata: { managed_by: 'remora' } } }],
      ['user.put', { name: 'ann', user: { roles: ['reader'] }, password: 'secret:users/eu/ann@2' }],
    ]);
  });

  test('is refused by name once that is not kept any more', () => {
    expect(refusalOf({ ...pastOf(removal), secretVersions: {} }).message).toContain(
      'User ann of cluster eu was removed, and cannot be made again: nobody here knows the password.',
    );
  });
});

test('a later run that wrote the same role stands in the way', () => {
  const facts = pastOf(made);
  const late = done({ startedAt: '2026-03-01T11:30:00.000Z', finishedAt: '2026-03-01T11:30:00.000Z' });
  const steps = new Map([[made.steps[0]?.id ?? '', late]]);
  const other = { ...facts.run, runId: 'run-2', steps };
  expect(refusalOf({ ...facts, others: [other] }).message).toMatch(/run-2 .* changed role reader of cluster eu since/);
});
