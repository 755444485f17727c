import { RemoraError } from '@remora/shared/errors.ts';
import { formatJoinToken, parseJoinToken } from '@remora/shared/protocol/join-token.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const token = {
  url: 'https://remora.example.com:8443',
  caFingerprint: 'ab'.repeat(32),
  id: 'token-1',
  secret: 's3cr~t',
};

const tokens = fc.record({
  url: fc.webUrl({ validSchemes: ['https'] }),
  caFingerprint: fc.stringMatching(/^[0-9a-f]{64}$/),
  id: fc.base64String({ minLength: 4 }),
  secret: fc.base64String({ minLength: 4 }),
});

describe('a join token', () => {
  test('is read back, with blanks around it too', () => {
    fc.assert(
      fc.property(tokens, (one) => {
        const text = formatJoinToken(one);
        expect(text).toMatch(/^rmr1\.[A-Za-z0-9_-]+$/);
        expect(parseJoinToken(` ${text}\n`)).toEqual(one);
      }),
    );
  });

  test.each(['', 'x', 'rmr1', 'rmr1.', 'rmr2.abc', `${formatJoinToken(token)}.x`])('"%s" is none', (text) => {
    expect(() => parseJoinToken(text)).toThrow(
      expect.objectContaining({ code: 'bad-input', hint: expect.stringContaining('tokens create') }),
    );
  });

  test('that was cut off is damaged', () => {
    const text = formatJoinToken(token);
    for (let length = 'rmr1.'.length + 1; length < text.length; length += 1)
      expect(() => parseJoinToken(text.slice(0, length))).toThrow('damaged');
  });

  test.each([null, 1, [], {}, { u: '', f: 'f', i: 'i', s: 's' }, { u: 1, f: 'f', i: 'i', s: 's' }])(
    'of the content %j is damaged',
    (content) => {
      expect(() => parseJoinToken(`rmr1.${btoa(JSON.stringify(content)).replaceAll('=', '')}`)).toThrow('damaged');
    },
  );

  test('is read or refused by name and never quoted, whatever the text', () => {
    const bodies = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        try {
          parseJoinToken(`rmr1.${body}`);
        } catch (error) {
          expect(error).toBeInstanceOf(RemoraError);
          if (body.length > 20) expect(String(error)).not.toContain(body);
        }
      }),
    );
  });
});
