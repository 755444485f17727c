import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, lines } from '../connect/plans.ts';
import { nodeOf, type World, world } from '../connect/world.ts';
import { disconnected, planOff } from './plans.ts';

/** What signed requests goes with the connection, on both sides. */

const signed = { certificateIdentity: 'CN=signer,O=x' };
const made = (): World => connected(world({ remote: 2, local: 2 }), signed);

describe('a connection whose requests are signed', () => {
  test('is taken apart in an order in which no node lacks the file of a setting, and leaves nothing', () => {
    const before = world({ remote: 2, local: 2 });
    const after = disconnected(made());
    for (const side of ['local', 'remote'] as const) {
      expect(after[side].hidden).toEqual({});
      for (const { name, files, keystore } of before[side].nodes) {
        expect(nodeOf(after[side], name).files).toEqual(files);
        expect(nodeOf(after[side], name).keystore.entries).toEqual(keystore.entries);
      }
    }
    expect(after.signers).toEqual([]);
  });

  test('is taken apart by what is left of a run that ended anywhere', () => {
    const { steps } = planOff(made());
    for (let end = 0; end < steps.length; end += 1) {
      const half = applySteps(made(), steps.slice(0, end));
      const whole = applySteps(half, planOff(half).steps);
      expect([whole.local.hidden, whole.remote.hidden, whole.signers], steps[end]?.id).toEqual([{}, {}, []]);
    }
  });

  test('leaves the trust that another one needs, without the CA that only this one needed', () => {
    const two = connected(made(), { ...signed, alias: 'second', signingCa: 'other' });
    const plan = planOff(two, { alias: 'second' });
    expect(lines(plan).filter((line) => line.includes('signing-settings.put'))).toEqual([
      'alias signing-settings.put eu api',
    ]);
    const after = applySteps(two, plan.steps);
    expect(nodeOf(after.remote, 'us-1').files['remora-signing-cas.crt']?.certificates).toEqual([
      'fingerprint of eu-signing',
    ]);
  });

  test('leaves the trust where somebody put a CA into the file that Remora does not know', () => {
    const two = made();
    nodeOf(two.remote, 'us-1').files['remora-signing-cas.crt']?.certificates.push('theirs');
    const plan = planOff(two);
    expect(plan.warnings.join()).toContain('holds CN=theirs, which Remora does not know: the file and the setting');
    const after = applySteps(two, plan.steps);
    expect(after.remote.hidden).toEqual(two.remote.hidden);
    expect([after.local.hidden, after.signers, after.connections]).toEqual([{}, [], []]);
  });

  test('stays on record while a node is away that has its file', () => {
    const away = made();
    nodeOf(away.local, 'eu-2').agent = 'offline';
    const plan = planOff(away, { waitOffline: true });
    expect(plan.steps.some(({ kind }) => kind === 'inventory.put-back')).toBe(false);
    expect(plan.warnings.join()).toContain('What else the connection has on eu-2 (cluster eu) could not be seen');
  });
});
