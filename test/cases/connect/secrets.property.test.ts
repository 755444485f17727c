import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { damage, requests, worlds } from './arbitraries.ts';
import { connected, planIn } from './plans.ts';

/** A plan is stored, shown and logged: what is secret stands in it by name only. */

/** Fields that carry a secret's reference, wherever they stand. */
const REFERENCES = new Set([
  '$secret',
  'secret',
  'p12Secret',
  'passwordSecret',
  'keySecret',
  'reference',
  'keystorePassword',
]);

const fieldsOf = (value: unknown): (readonly [string, unknown])[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => [[name, inner] as const, ...fieldsOf(inner)])
    : [];

const expectReferencesOnly = ({ steps }: StoredPlan): void => {
  for (const [name, value] of fieldsOf(steps).filter(([name]) => REFERENCES.has(name)))
    for (const text of [value].flat())
      if (text !== null) expect(() => parseSecretReference(String(text)), name).not.toThrow();
  for (const step of steps)
    for (const call of step.kind === 'node.change' ? step.input.operations : []) {
      if (call.name === 'files')
        for (const { content } of call.input.write) expect(content).toEqual({ $secret: expect.anything() });
      if (call.name === 'keystore')
        for (const { value, reference } of call.input.set) expect(value).toEqual({ $secret: reference });
    }
};

test('a plan holds references of secrets, of exact versions, and never contents', () => {
  fc.assert(
    fc.property(worlds, requests, damage, fc.boolean(), (fresh, wish, { harm }, isProtected) => {
      const made = harm(connected(fresh, wish));
      if (isProtected) made.secretVersions['keystore-password/eu'] = 3;
      for (const world of [fresh, made]) {
        const plan = planIn(world, wish);
        expectReferencesOnly(plan);
        const text = JSON.stringify(plan);
        expect(text).not.toContain('PEM of');
        for (const [reference] of text.matchAll(/secret:[A-Za-z0-9._/-]+/g))
          expect(
            text
              .split(reference)
              .slice(1)
              .every((rest) => /^@[1-9]/.test(rest)),
          ).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});
