import { describe, expect, test } from 'vitest';
import type { UserSeen } from '../../../coordinator/src/plan/roles/facts.ts';
import { apply, bob, byCertificates, byKey, errorOf, remove, roleIn, side, usersOf, wish } from './plans.ts';

const given = (name: string) =>
  roleIn(
    apply(
      wish({ user: { name, password: 'secret:users/eu/ann' } }),
      byKey({ user: { name, body: null, password: 'other' } }),
    ),
    'eu',
  );
const role = given('ann');
const local = side('eu', { role });
const user = (name: string, ...more: Parameters<typeof bob>): UserSeen => ({ name, body: bob(...more) });
const ours = { metadata: { managed_by: 'remora', remora: { password: 'secret:users/eu/ann@2' } } };

describe('a role that Remora made', () => {
  test('goes, after the user that was made for it', () => {
    const plan = remove({ local, users: [user('ann', ['reader'], ours)] });
    expect(plan).toMatchObject({ workflow: 'remove-role', clusters: ['eu'], outages: [] });
    expect(plan.steps.map(({ kind, diff }) => [kind, diff.split('\n')[0]])).toEqual([
      ['user.put', '- user ann'],
      ['role.put', '- role reader'],
    ]);
    expect(roleIn(plan, 'eu')).toBeNull();
  });

  test('is taken from a user that has other roles, or that others made', () => {
    for (const body of [bob(['reader', 'viewer'], ours), bob(['reader'])]) {
      const [input] = usersOf(remove({ local, users: [{ name: 'ann', body }] }));
      expect(input).toMatchObject({ name: 'ann', user: { ...body, roles: body.roles.slice(1) }, password: null });
    }
  });

  test('goes from both sides where certificates let users in', () => {
    const facts = byCertificates();
    const plan = apply(wish(), facts);
    const sides = {
      local: side('eu', { role: roleIn(plan, 'eu') }),
      remote: side('us', { role: roleIn(plan, 'us') }),
    };
    expect(remove(sides).steps.map(({ kind, target }) => [kind, target])).toEqual([
      ['role.put', 'eu'],
      ['role.put', 'us'],
    ]);
    expect(remove({ ...sides, local: side('eu') }).steps.map(({ target }) => target)).toEqual(['us']);
  });

  test('that others had made stays, without the mark', () => {
    const theirs = {
      ...role,
      metadata: { team: 'x', managed_by: 'remora', remora: { ...(role?.metadata?.remora as object), adopted: true } },
    };
    const plan = remove({
      ...{ local: side('eu', { role: theirs }), mappings: ['ldap-staff'] },
      users: [user('ann', ['reader', 'viewer']), user('bob', ['reader'])],
    });
    const after = roleIn(plan, 'eu');
    expect(after?.metadata).toEqual({ team: 'x' });
    expect(after?.remote_indices).toEqual(role?.remote_indices);
    expect(usersOf(plan)).toMatchObject([{ name: 'ann', user: { roles: ['viewer'] } }]);
  });
});

describe('is refused', () => {
  test('where somebody else gave it to a user, or by a role mapping', () => {
    const refusal = errorOf(() => remove({ local, users: [user('bob', ['reader'])], mappings: ['ldap-staff'] }));
    expect(refusal.message).toMatch(/is used by what Remora did not give it to: user bob, role mapping ldap-staff\.$/);
  });

  test.each([
    ['where others made it', side('eu', { role: {} }), 'was not made by Remora'],
    ['where there is none', side('eu'), 'has no role reader'],
    ['without manage_security', side('eu', { missingPrivileges: ['manage_security'] }), 'lacks the cluster privilege'],
  ])('%s', (_, one, sentence) => {
    expect(errorOf(() => remove({ local: one })).message).toContain(sentence);
  });

  test('where it is of another connection', () => {
    const refusal = errorOf(() => remove({ local }, { local: 'eu', alias: 'two', name: 'reader' }));
    expect(refusal.message).toMatch(/was made for the connection eu\/us, not for eu\/two/);
  });
});
