import { describe, expect, test } from 'vitest';
import { remoraUser } from '../../../../../coordinator/src/plan/roles/remora-user.ts';
import type { RoleBody, UserBody } from '../../../../../coordinator/src/plan/roles/role-definition.ts';

const wish = { cluster: 'eu', user: 'remora', aliases: ['us'] };
const ours = { metadata: { managed_by: 'remora' } };
const theirs: UserBody = { roles: ['x'], full_name: 'R', email: null, metadata: {}, enabled: false };
const nothing = { role: null, user: null };

describe('the user of Remora', () => {
  test('has what Remora needs and nothing more', () => {
    expect(remoraUser(wish, nothing)).toEqual({
      role: {
        cluster: ['monitor', 'manage', 'manage_security'],
        remote_indices: [{ clusters: ['us'], names: ['*'], privileges: ['view_index_metadata'] }],
        ...ours,
      },
      user: { roles: ['remora'], full_name: null, email: null, enabled: true, ...ours },
    });
  });

  test('where no connection begins it may ask over none', () => {
    expect(remoraUser({ ...wish, aliases: [] }, nothing).role).not.toHaveProperty('remote_indices');
  });

  test('made again, it keeps aliases, further roles and its name, and a role that somebody widened is what it was', () => {
    const role: RoleBody = {
      ...ours,
      cluster: ['all'],
      remote_indices: [{ clusters: ['one', 'us'], names: ['*'], privileges: ['all'] }],
    };
    const made = remoraUser(wish, { role, user: { ...theirs, ...ours } });
    expect(made.role).toEqual({
      ...remoraUser(wish, nothing).role,
      remote_indices: [{ clusters: ['one', 'us'], names: ['*'], privileges: ['view_index_metadata'] }],
    });
    expect(made.user).toMatchObject({ roles: ['x', 'remora'], full_name: 'R', enabled: true });
  });

  test.each([
    ['a user of others', { role: null, user: theirs }, /has a user remora already, which Remora did not make/],
    ['a role of others', { role: {}, user: null }, /has a role remora already/],
    ['a role of a connection', { role: { metadata: { ...ours.metadata, remora: {} } }, user: null }, /of a connection/],
    ['one that Elasticsearch brings', { role: { metadata: { _reserved: true } }, user: null }, /Elasticsearch brings/],
  ])('%s stays as it is', (_, found, sentence) => {
    expect(() => remoraUser(wish, found)).toThrow(sentence);
  });
});
