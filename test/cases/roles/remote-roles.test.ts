import { expect, test } from 'vitest';
import type { RemoteRole } from '../../../coordinator/src/plan/roles/remote-roles.ts';
import type { RoleBody } from '../../../coordinator/src/plan/roles/role-definition.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { connected, lines } from '../connect/plans.ts';
import { world } from '../connect/world.ts';
import { connectedBy, planOff as planCertificateOff } from '../connect-certificate/plans.ts';
import { carriedOut, trustWorld } from '../connect-certificate/world.ts';
import { planOff } from '../disconnect/plans.ts';
import { planTo } from '../migrate/plans.ts';
import { apply, byCertificates, roleIn, wish } from './plans.ts';

const made = roleIn(apply(wish(), byCertificates()), 'us') as RoleBody;
const role = (name: string, ...usedBy: string[]): RemoteRole => ({ name, role: made, usedBy });
const adopted: RemoteRole = {
  ...role('theirs'),
  role: { ...made, metadata: { ...made.metadata, remora: { ...(made.metadata?.remora as object), adopted: true } } },
};
const rolesOf = (...roles: RemoteRole[]) => ({ remoteRoles: { cluster: 'us', roles } });

const roleSteps = ({ steps }: StoredPlan): unknown[] =>
  steps.flatMap(({ kind, input }) => (kind === 'role.put' ? [[input.cluster, input.name, input.role]] : []));

const byCertificate = connectedBy(trustWorld());

test('a migration names the roles of the remote cluster that are needed no more, and removes those that nobody uses where that is asked for, last of all', () => {
  const found = rolesOf(role('reader'), role('writer', 'user ann', 'role mapping ldap'));
  const stays =
    'Role writer of cluster us, which Remora made there for the connection by certificate, stays: user ann, role mapping ldap have it.';
  const named = planTo(byCertificate, {}, found);
  expect(roleSteps(named)).toEqual([]);
  expect(named.warnings).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^Cluster us has the role reader, .* --remove-roles removes it\.$/),
      stays,
    ]),
  );
  const removing = planTo(byCertificate, { removeRoles: true }, found);
  expect(lines(removing).at(-1)).toBe('roles role.put us api');
  expect(roleSteps(removing)).toEqual([['us', 'reader', null]]);
  expect(removing.warnings).toContain(stays);
});

test('of one that has its key already they go alone, or with the trust', () => {
  const after = carriedOut(byCertificate, planTo(byCertificate).steps);
  const alone = planTo(after, { removeRoles: true, search: [] }, rolesOf(role('reader')));
  expect(lines(alone)).toEqual(['roles role.put us api']);
  const both = planTo(after, { removeRoles: true, removeTrust: true, search: [] }, rolesOf(role('reader')));
  expect(lines(both).at(-1)).toBe('roles role.put us api');
  const nothing = planTo(after, { removeRoles: true, search: [] }, rolesOf());
  expect([nothing.steps, nothing.warnings.at(-1)]).toEqual([[], expect.stringMatching(/has nothing to remove\.$/)]);
});

test('a role that others had made stays, without the mark', () => {
  const [[, , after]] = roleSteps(planTo(byCertificate, { removeRoles: true }, rolesOf(adopted))) as [
    [string, string, RoleBody],
  ];
  expect(after).toEqual({ ...made, metadata: {} });
});

test('a connection that is taken apart names them too, and takes them along', () => {
  const keyed = connected(world({ remote: 1, local: 1 }));
  for (const plan of [
    planOff(keyed, {}, rolesOf(role('reader'))),
    planCertificateOff(byCertificate, {}, rolesOf(role('reader'))),
  ]) {
    expect(roleSteps(plan)).toEqual([]);
    expect(plan.warnings).toContainEqual(expect.stringMatching(/^Cluster us has the role reader/));
  }
  for (const plan of [
    planOff(keyed, { removeRoles: true }, rolesOf(role('reader'))),
    planCertificateOff(byCertificate, { removeRoles: true }, rolesOf(role('reader'))),
  ])
    expect(lines(plan).slice(-2)).toEqual(['roles role.put us api', 'end inventory.put-back coordinator none']);
});

test('the flag is not ignored where the roles cannot be looked at', () => {
  expect(planOff(connected(world({ remote: 1, local: 1 })), { removeRoles: true }).warnings).toContainEqual(
    expect.stringMatching(/^--remove-roles: roles of the remote cluster are not looked at here/),
  );
});
