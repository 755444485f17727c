import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closeReason } from '../../../../coordinator/src/gateway/session/session-socket.ts';

test('a close reason fits its frame and stays a prefix of the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const reason = closeReason(text);
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
      expect(text.startsWith(reason)).toBe(true);
      expect(Buffer.from(reason).toString()).toBe(reason);
    }),
  );
});
