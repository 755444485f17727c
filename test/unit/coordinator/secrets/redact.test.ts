import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../../../coordinator/src/secrets/redact.ts';

const secret = 'p"ss/w rd+ä-7481';

describe('a redactor', () => {
  const redactor = createRedactor();
  redactor.add(secret, 'secret:a@1');

  test.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in base64', Buffer.from(secret).toString('base64').replace(/=+$/, '')],
    ['in a URL', encodeURIComponent(secret)],
  ])('finds a value %s', (_, form) => {
    expect(redactor.text(`<${form}> and <${form}>`)).toBe('<[secret:a@1]> and <[secret:a@1]>');
  });

  test('finds binary values in base64', () => {
    const bytes = randomBytes(100);
    redactor.add(bytes, 'secret:p12@1');
    expect(redactor.text(`body=${bytes.toString('base64')}`)).toMatch(/^body=\[secret:p12@1\]=*$/);
    expect(redactor.text(bytes.toString('base64url'))).toBe('[secret:p12@1]');
  });

  test('takes the longer one of two that begin alike', () => {
    const both = createRedactor();
    both.add('abcdefgh', 'secret:short@1');
    both.add('abcdefghijkl', 'secret:long@1');
    expect(both.text('abcdefghijkl abcdefgh')).toBe('[secret:long@1] [secret:short@1]');
  });

  test('leaves short values alone and forgets the oldest beyond its limit', () => {
    const small = createRedactor(8);
    small.add('short', 'secret:x@1');
    expect(small.text('a short text')).toBe('a short text');
    for (let index = 0; index < 20; index += 1) small.add(`a long value ${index}`, `secret:x@${index + 2}`);
    expect(small.text('<a long value 0>')).toBe('<a long value 0>');
    expect(small.text('<a long value 19>')).toBe('<[secret:x@21]>');
  });

  test('no text keeps a value, and a text without one stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.string(), fc.string(), (value, before, after) => {
        fc.pre(value.trim().length >= 6 && !'[secret:x@1]'.includes(value.trim()));
        const one = createRedactor();
        one.add(value, 'secret:x@1');
        expect(one.text(before + value.trim() + after)).toContain('[secret:x@1]');
        if (!(before + after).includes(value.trim()))
          expect(createRedactor().text(before + after)).toBe(before + after);
      }),
    );
  });
});
