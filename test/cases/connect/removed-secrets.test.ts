import { expect, test } from 'vitest';
import { disconnected } from '../disconnect/plans.ts';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import { connected, lines, planIn } from './plans.ts';
import { isConnected } from './truth.ts';
import { type World, world } from './world.ts';

/** What `secrets remove` took out of the store: a number is never written again. */

const signed = { certificateIdentity: 'CN=signer,O=x' };

/** A connection that was made and taken apart, whose sealed secrets somebody then removed. */
const removed = (isMeant: (name: string) => boolean): World => {
  const made = disconnected(connected(world({ remote: 1, local: 1 }), signed));
  for (const [name, version] of Object.entries(made.secretVersions))
    if (isMeant(name)) made.secretVersions[name] = -version;
  return made;
};

test('a connection whose secrets were removed is made anew under numbers that were never written', () => {
  const made = removed((name) => !name.startsWith('ca/'));
  const again = connected(made, signed);
  expect(isConnected(again, 'us')).toBe(true);
  expect(lines(planIn(again, request(signed)))).toEqual([]);
  expect(again.connections).toMatchObject([{ keySecret: 'secret:connection/eu/us/api-key@2' }]);
  for (const { p12Secret, passwordSecret } of [...again.certificates, ...again.signers])
    expect([p12Secret, passwordSecret]).toEqual([expect.stringMatching(/@2$/), expect.stringMatching(/@2$/)]);
});

test('so it is where the run ended anywhere and was made again', () => {
  const made = removed((name) => !name.startsWith('ca/'));
  const { steps } = planIn(made, request(signed));
  for (let end = 0; end <= steps.length; end += 1) {
    const again = connected(applySteps(made, steps.slice(0, end)), signed);
    expect(isConnected(again, 'us'), steps[end]?.id).toBe(true);
  }
});

test('a password of a keystore that was removed is none', () => {
  const made = world({ remote: 1, local: 1 });
  made.secretVersions['keystore-password/eu'] = -1;
  expect(JSON.stringify(planIn(made, request()))).not.toContain('keystore-password');
});

test.each([
  ['--ca', 'us-remote'],
  ['--signing-ca', 'eu-signing'],
])('a CA whose key was removed is not made again under its name, and %s is asked for another', (flag, ca) => {
  const made = removed((name) => name === `ca/${ca}/key`);
  made.cas = made.cas.filter(({ name }) => name !== ca);
  expect(() => planIn(made, request(signed))).toThrow(`${flag}: There was a CA ${ca}, and its secret ca/${ca}/key was`);
});
