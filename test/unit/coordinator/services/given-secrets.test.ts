import { randomBytes } from 'node:crypto';
import type { RemoraError } from '@remora/shared/errors.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredPlan } from '../../../../coordinator/src/plan/steps.ts';
import { createSealer } from '../../../../coordinator/src/secrets/sealing.ts';
import { SecretStore } from '../../../../coordinator/src/secrets/secret-store.ts';
import { keepGiven, refuseUnkept } from '../../../../coordinator/src/services/keys/given-secrets.ts';
import { request } from '../../../cases/connect/facts.ts';
import { connected, lines, planIn } from '../../../cases/connect/plans.ts';
import { world } from '../../../cases/connect/world.ts';
import { startRedis, type TestRedis } from '../../../support/redis.ts';

let server: TestRedis;
let secrets: SecretStore;
beforeAll(async () => {
  server = await startRedis();
  secrets = new SecretStore(server.connect(), createSealer(randomBytes(32)));
});
afterAll(() => server.stop());

describe('what people give for a plan', () => {
  const keep = (name: string, value: string, check?: boolean) =>
    keepGiven(secrets, { name, value, ...(check === undefined ? {} : { check }) }, 'ann');

  test('is sealed once, however often it is given, and not at all where it is only checked', async () => {
    const reference = (version: number) => `secret:users/eu/ann@${version}`;
    const name = 'users/eu/ann';
    expect(await keep(name, 'first', true)).toEqual({ secret: reference(1), kept: false });
    expect(await secrets.list()).toEqual([]);
    expect(await keep(name, 'first')).toEqual({ secret: reference(1), kept: true });
    expect(await keep(name, 'first')).toEqual({ secret: reference(1), kept: true });
    expect(await keep(name, 'first', true)).toEqual({ secret: reference(1), kept: true });
    expect(await keep(name, 'second', true)).toEqual({ secret: reference(2), kept: false });
    expect(await keep(name, 'second')).toEqual({ secret: reference(2), kept: true });
    expect((await secrets.list())[0]?.versions).toEqual([1, 2]);
  });

  test('is needed by a plan that is carried out: one that was only shown is refused, and so is one for another key', async () => {
    const secretOf = async (reference: string) => (await secrets.get(reference)).toString('utf8');
    const any = planIn(world(), request());
    const planOf = (workflow: string, wanted: object): StoredPlan => ({ ...any, workflow, wanted });
    const refusal = (plan: StoredPlan) =>
      refuseUnkept(secretOf, plan).then(
        () => null,
        (error: RemoraError) => error.code,
      );
    const role = (password?: string) =>
      planOf('apply-role', { user: { name: 'ann', ...(password ? { password } : {}) } });
    expect(await refusal(role('secret:users/eu/bob@1'))).toBe('bad-input');
    expect(await refusal(role())).toBeNull();
    await keep('users/eu/bob', 'password');
    expect(await refusal(role('secret:users/eu/bob@1'))).toBeNull();

    const encoded = (id: string) => Buffer.from(`${id}:secretsecretsecret`).toString('base64');
    const foreign = (id: string) =>
      planOf('connect-foreign', { key: { secret: 'secret:connection/eu/x/given-key@1', id } });
    expect(await refusal(foreign('k1'))).toBe('bad-input');
    await keep('connection/eu/x/given-key', encoded('k2'));
    expect([await refusal(foreign('k1')), await refusal(foreign('k2'))]).toEqual(['bad-input', null]);
    // A plan without steps needs nothing.
    const done = planIn(connected(world()), request());
    expect([lines(done), await refusal({ ...foreign('k1'), steps: done.steps })]).toEqual([[], null]);
  });
});
