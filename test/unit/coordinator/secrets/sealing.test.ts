import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSealer, openSealingKey } from '../../../../coordinator/src/secrets/sealing.ts';

const scratch = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'remora-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

describe('a sealer', () => {
  const sealer = createSealer(randomBytes(32));

  test('opens what it sealed, in the same context only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), fc.string(), (bytes, context, other) => {
        const sealed = sealer.seal(Buffer.from(bytes), context);
        expect(sealed).toMatch(/^sealed1\.[0-9a-f]{12}\.[A-Za-z0-9_-]+$/);
        expect(sealer.open(sealed, context)).toEqual(Buffer.from(bytes));
        if (other !== context) expect(() => sealer.open(sealed, other)).toThrow(/altered or belongs elsewhere/);
      }),
    );
  });

  test('seals the same value differently each time', () => {
    expect(new Set(Array.from({ length: 100 }, () => sealer.seal('same', 'c'))).size).toBe(100);
  });

  test('notices every altered character', () => {
    const sealed = sealer.seal('value', 'c');
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      // The last character of base64 may carry bits that do not count.
      if (altered.endsWith(sealed.slice(-1))) expect(() => sealer.open(altered, 'c'), altered).toThrow();
    }
  });

  test('names the keys when it is the wrong one', () => {
    const other = createSealer(randomBytes(32));
    expect(() => other.open(sealer.seal('value', 'secret:a@1'), 'secret:a@1')).toThrow(
      `secret:a@1 cannot be opened: the sealing key in use (${other.keyId}) is not the one it was sealed with (${sealer.keyId}).`,
    );
  });

  test.each(['', 'sealed1', 'sealed2.x.y', 'sealed1.abc.AAAA', 'plain text'])('refuses %j', (text) => {
    expect(() => sealer.open(text, 'c')).toThrow(/is not a sealed value of this release/);
  });
});

describe('openSealingKey', () => {
  test('makes the file once, for its owner alone, also when several start at once', async () => {
    const directory = scratch();
    const path = join(directory, 'sealing.key');
    const sealers = await Promise.all(Array.from({ length: 5 }, () => openSealingKey(path, { create: true })));
    expect(new Set(sealers.map((sealer) => sealer.keyId)).size).toBe(1);
    expect(readdirSync(directory)).toEqual(['sealing.key']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')).toHaveLength(32);
    const sealed = sealers[0]?.seal('value', 'c') ?? '';
    expect((await openSealingKey(path, { create: false })).open(sealed, 'c').toString()).toBe('value');
  });

  test('refuses a missing file unless it may make one', async () => {
    const path = join(scratch(), 'sealing.key');
    await expect(openSealingKey(path, { create: false })).rejects.toMatchObject({
      code: 'data-directory',
      message: `The sealing key ${path} does not exist, and without it no secret of this store can be opened.`,
    });
    expect(() => statSync(path)).toThrow(/ENOENT/);
  });

  test.each([
    '',
    'AAAA',
    randomBytes(31).toString('base64'),
    randomBytes(33).toString('base64'),
    'not base64 at all, but long enough to be',
  ])('refuses the content %j and leaves it alone', async (content) => {
    const path = join(scratch(), 'sealing.key');
    writeFileSync(path, content, { mode: 0o600 });
    await expect(openSealingKey(path, { create: true })).rejects.toThrow(/one line of base64 that holds 32 bytes/);
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test.each([0o640, 0o604, 0o660, 0o601])('refuses the mode %o', async (mode) => {
    const path = join(scratch(), 'sealing.key');
    await openSealingKey(path, { create: true });
    chmodSync(path, mode);
    await expect(openSealingKey(path, { create: true })).rejects.toMatchObject({
      hint: expect.stringContaining(`chmod 600 ${path}`),
    });
  });
});
