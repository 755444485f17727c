import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { breakBetween, canonicalJson, chain, EMPTY_CHAIN, readEntry } from '../../../../coordinator/src/audit/chain.ts';

const text = fc.string({ unit: 'binary', maxLength: 30 });
const drafts = fc.array(
  fc.record(
    { actor: text, action: text, target: text, detail: text, outcome: text },
    { requiredKeys: ['actor', 'action', 'target'] },
  ),
  { minLength: 1, maxLength: 5 },
);

test('what was chained is read as it was written, and each entry follows the one before', () => {
  fc.assert(
    fc.property(drafts, (all) => {
      const entries = chain(EMPTY_CHAIN, all, '2030-01-31T22:00:00.000Z');
      expect(entries.map((entry) => readEntry(canonicalJson(entry)))).toEqual(entries);
      const breaks = entries.map((entry, i) => breakBetween(entries[i - 1] ?? EMPTY_CHAIN, entry));
      expect(breaks.filter((one) => one !== null)).toEqual([]);
    }),
  );
});

test('the hash is what the documentation says', () => {
  const draft = { actor: 'anna', action: 'secret.set', target: 'us/admin', detail: 'Grüße "x"' };
  const [entry] = chain(EMPTY_CHAIN, [draft], '2030-01-31T22:00:00.000Z');
  const rest =
    '{"action":"secret.set","actor":"anna","at":"2030-01-31T22:00:00.000Z","detail":"Grüße \\"x\\"","outcome":null,"planId":null,"runId":null,"seq":1,"stepId":null,"target":"us/admin"}';
  const hash = createHash('sha256')
    .update(`${'0'.repeat(64)}\n${rest}`)
    .digest('hex');
  expect(entry).toMatchObject({ seq: 1, prev: '0'.repeat(64), hash });
});

const [written] = chain(EMPTY_CHAIN, [{ actor: 'anna', action: 'run.create', target: 'us' }], 'now');
const kept = canonicalJson(written ?? {});

test.each([
  ['another actor', kept.replace('anna', 'nobody')],
  ['another place', kept.replace('"seq":1', '"seq":2')],
  ['another one before', kept.replace('"prev":"0', '"prev":"1')],
  ['another hash', kept.replace(/"hash":"./, '"hash":"g')],
  ['a field more', kept.replace('{', '{"a":1,')],
  ['a field twice', kept.replace('{', '{"actor":"nobody",')],
  ['a field less', kept.replace('"detail":null,', '')],
  ['a blank', kept.replace(',', ', ')],
  ['half of it', kept.slice(0, 40)],
  ['null', 'null'],
  ['a list', '[]'],
])('an entry with %s is none', (_, changed) => {
  expect(changed).not.toBe(kept);
  expect(readEntry(changed)).toBeNull();
});
