import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import { formatVoucher } from '@remora/shared/protocol/vouchers.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprintOf, takeTrust, vouchedCas } from '../../../../agent/src/identity/fleet-cas.ts';
import { type FleetCa, openFleetCa } from '../../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { openFleetCas } from '../../../../coordinator/src/pki/fleet-ca/fleet-cas.ts';
import { scratch } from '../../coordinator/pki/outside-tools.ts';

const now = () => new Date();
let old: FleetCa;
let next: FleetCa;
let foreign: FleetCa;
const directories = [1, 2, 3].map(() => mkdtempSync(join(tmpdir(), 'remora-test-')));
beforeAll(async () => {
  [old, next, foreign] = (await Promise.all(directories.map((directory) => openFleetCa({ directory, now })))) as [
    FleetCa,
    FleetCa,
    FleetCa,
  ];
});

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const prints = (text: string, known: FleetCa): string[] => vouchedCas(text, known.fingerprint256).map(fingerprintOf);
const idsOf = (...cas: readonly FleetCa[]): string[] => cas.map(({ fingerprint256 }) => fingerprint256);

describe('who joins with a token that names one fleet CA', () => {
  test('believes the other one of a rotation, whichever of them the token names', () => {
    const text = openFleetCas({ trusted: [old, next], signing: old, lasting: next }).vouchedBundle();
    expect(prints(text, old)).toEqual(idsOf(old, next));
    expect(prints(text, next)).toEqual(idsOf(next, old));
    expect(prints(text, foreign)).toEqual([]);
  });

  test('believes none that stands beside it without its word, or with a word that is not its own', () => {
    const certificates = [old, foreign].map(({ certificatePem }) => certificatePem).join('');
    const words = (by: FleetCa, signature: string): string =>
      certificates + formatVoucher({ by: by.fingerprint256, of: foreign.fingerprint256, signature });
    expect(prints(certificates, old)).toEqual(idsOf(old));
    expect(prints(words(old, foreign.vouchFor(foreign.fingerprint256)), old)).toEqual(idsOf(old));
    expect(prints(words(old, old.vouchFor(next.fingerprint256)), old)).toEqual(idsOf(old));
    expect(prints(words(foreign, foreign.vouchFor(foreign.fingerprint256)), old)).toEqual(idsOf(old));
    expect(prints(words(old, old.vouchFor(foreign.fingerprint256)), old)).toEqual(idsOf(old, foreign));
  });
});

const stateOf = (trusted: readonly FleetCa[]) => ({ trusted, signing: trusted[0] ?? old, lasting: trusted[0] ?? old });

describe('an agent that is told whom to trust', () => {
  const told = async (cas: readonly FleetCa[], { vouchers = openFleetCas(stateOf(cas)).vouchers() } = {}) => {
    const fleetCa = join(scratch(), 'fleet-ca.crt');
    writeFileSync(fleetCa, old.certificatePem);
    const sent: FromAgent[] = [];
    const said: string[] = [];
    const send = (message: FromAgent): boolean => {
      // By then it is on the disk.
      expect(prints(readFileSync(fleetCa, 'utf8'), cas[0] ?? old)[0]).toBe(cas[0]?.fingerprint256);
      sent.push(message);
      return true;
    };
    const parts = { directory: { fleetCa }, log: (_: string, message: string) => void said.push(message), send };
    const certificatesPem = cas.map(({ certificatePem }) => certificatePem);
    await takeTrust(parts, { type: 'trust', certificatesPem, vouchers });
    return { sent, said: said.join(), file: readFileSync(fleetCa, 'utf8') };
  };

  test('writes it down, and answers', async () => {
    const { sent, file } = await told([old, next]);
    expect(sent).toEqual([{ type: 'trusted', fingerprints: idsOf(old, next) }]);
    expect(file.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect((await told([old])).sent).toEqual([{ type: 'trusted', fingerprints: idsOf(old) }]);
  });

  test('takes none without one that it trusts now', async () => {
    const { sent, said, file } = await told([next]);
    expect([sent, file]).toEqual([[], old.certificatePem]);
    expect(said).toMatch(/not taken: none of them is one that is trusted now/);
  });

  test('takes none for which no CA vouches that it trusts now', async () => {
    const others = openFleetCas(stateOf([next, foreign])).vouchers();
    for (const vouchers of ['', others]) {
      const { sent, said, file } = await told([old, foreign], { vouchers });
      expect([sent, file]).toEqual([[], old.certificatePem]);
      expect(said).toMatch(/not taken: no CA that is trusted now vouches for CN=Remora fleet CA/);
    }
  });

  test('leaves out one that has ended, and takes nothing when all have', async () => {
    const longAgo = () => new Date('2001-01-01T00:00:00Z');
    const ended = await openFleetCa({ directory: scratch(), now: longAgo });
    expect((await told([old, ended])).sent).toEqual([{ type: 'trusted', fingerprints: idsOf(old) }]);
    const { sent, said } = await told([ended]);
    expect(sent).toEqual([]);
    expect(said).toMatch(/all of them have ended/);
  });
});
