import { asRemoraError, type ErrorCode, errorTable, messageOf, RemoraError } from '@remora/shared/errors.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe.each(Object.entries(errorTable))('the code %s', (code, kind) => {
  test('says what it means and what to do, in sentences', () => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(kind.meaning).toMatch(/^([A-Z]|elasticsearch\.yml).*\.$/);
    expect(kind.hint).toMatch(/^(`|[A-Z]).*\.$/);
  });
  test('has the exit code and status that go together', () => {
    expect([1, 64, 69, 77]).toContain(kind.exit);
    expect(kind.status).toBeGreaterThanOrEqual(400);
    if (kind.exit === 77) expect([401, 403]).toContain(kind.status);
    if (kind.exit === 64) expect(kind.retryable).toBe(false);
  });
  test('gives an error its hint, unless there is a better one', () => {
    expect(new RemoraError(code as ErrorCode, 'x')).toMatchObject({
      hint: kind.hint,
      kind,
      findings: [],
      name: 'RemoraError',
    });
    expect(new RemoraError(code as ErrorCode, 'x', { hint: 'do y', findings: ['a'] })).toMatchObject({
      hint: 'do y',
      findings: ['a'],
    });
  });
});

test('whatever was thrown becomes a RemoraError with a message, and a RemoraError stays itself', () => {
  const one = new RemoraError('conflict', 'there already', { cause: new Error('why') });
  expect(asRemoraError(one)).toBe(one);
  expect(one.cause).toBeInstanceOf(Error);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.integer(),
        fc.constant(undefined),
        fc.constant(null),
        fc.string().map((text) => new Error(text)),
      ),
      (thrown) => {
        const error = asRemoraError(thrown);
        expect(error).toMatchObject({ code: 'internal', message: messageOf(thrown) });
        expect(error.cause).toBe(thrown);
      },
    ),
  );
});
