import { describe, expect, test } from 'vitest';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import { sha256 } from '../connect/facts.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { asItIs, carryOut, nodes, placed, planIn, rollbackFacts, wish } from './plans.ts';
import { transportWorld } from './world.ts';

describe('taken back', () => {
  const context = { planId: 'p', now: '2026-03-02T00:00:00.000Z', hash: sha256 };

  test('what is served goes back everywhere before what is trusted, however far the run got', () => {
    for (const [by, asked] of [
      ['pem', wish()],
      ['truststore', wish()],
      ['pem', asItIs()],
    ] as const) {
      const { steps } = planIn(transportWorld(by), asked);
      for (let until = 1; until <= steps.length; until += 1) {
        const one = transportWorld(by);
        const plan = planIn(one, asked);
        carryOut(one, plan.steps.slice(0, until));
        const back = planRollback({ run: 'run-1' }, rollbackFacts(one, plan, until, []), context);
        carryOut(one, back.steps);
        expect([...one.loaded.values()].map(({ serves }) => serves)).toEqual(Array(3).fill('theirs'));
        expect(nodeOf(one.made.remote, 'us-2').yml.values).toEqual(
          nodeOf(transportWorld(by).made.remote, 'us-2').yml.values,
        );
      }
    }
  });

  test('of another CA later as well: what is served is proven before trust in that CA goes, though no node restarts', () => {
    const whole = planIn(placed(), wish({ ca: 'b' })).steps.length;
    for (let until = 1; until <= whole; until += 1) {
      const one = placed();
      const standing = one.certificates;
      const plan = planIn(one, wish({ ca: 'b' }));
      carryOut(one, plan.steps.slice(0, until));
      const back = planRollback({ run: 'run-1' }, rollbackFacts(one, plan, until, standing), context);
      expect(back.restarts).toEqual([]);
      // At the worst: what is served is read late, and what is trusted at once.
      carryOut(one, back.steps, (index) => back.steps[index]?.stage === 'files-us.1');
    }
  });

  test('again, after a rollback whose files are back and not yet read: what is served is proven all the same', () => {
    const one = placed();
    const standing = one.certificates;
    const plan = planIn(one, wish({ ca: 'b' }));
    carryOut(one, plan.steps);
    const facts = rollbackFacts(one, plan, plan.steps.length, standing);
    const first = planRollback({ run: 'run-1' }, facts, context);
    const served = first.steps.findIndex(({ kind }) => kind === 'certificate.verify');
    carryOut(one, first.steps.slice(0, served), () => false);
    const backups = [...facts.backups].map(([key, { changes, unknown }]) => {
      const stand = (
        key.endsWith('/2') ? changes.map((each) => ({ ...each, state: 'back' })) : changes
      ) as typeof changes;
      return [key, { changes: stand, unknown }] as const;
    });
    const second = planRollback({ run: 'run-1' }, { ...facts, backups: new Map(backups) }, context);
    expect(lines(second).slice(0, 4)).toEqual([
      ...nodes.map((node) => `served-us.2 certificate.verify ${node} none`),
      expect.stringContaining('files-us.1 node.change'),
    ]);
    carryOut(one, second.steps, (index) => second.steps[index]?.stage === 'files-us.1');
  });

  test('of PEM files too, which are read late, before trust goes by a restart', () => {
    const whole = planIn(transportWorld('pem'), asItIs()).steps.length;
    for (let until = 1; until <= whole; until += 1) {
      const one = transportWorld('pem');
      const plan = planIn(one, asItIs());
      carryOut(one, plan.steps.slice(0, until));
      const back = planRollback({ run: 'run-1' }, rollbackFacts(one, plan, until, []), context);
      carryOut(one, back.steps, () => false);
      expect([...one.loaded.values()].map(({ serves }) => serves)).toEqual(Array(3).fill('theirs'));
    }
  });

  test('the coordinator trusts less again at the end', () => {
    const one = transportWorld('pem');
    const plan = planIn(one, wish({ purpose: 'http' }));
    carryOut(one, plan.steps);
    const back = planRollback({ run: 'run-1' }, rollbackFacts(one, plan, plan.steps.length, []), context);
    const last = back.steps.filter(({ stage }) => stage === 'end').map(({ kind }) => kind);
    expect(last).toEqual(['cluster.trust', 'inventory.put-back', 'run.rollback']);
    expect(stepOf(back, 'cluster.trust').input.caPem).toBe('PEM of their HTTPS CA');
  });
});
