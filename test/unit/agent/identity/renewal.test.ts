import { writeFileSync } from 'node:fs';
import { BACKDATED_MS } from '@remora/shared/protocol/enrol.ts';
import type { Renew } from '@remora/shared/protocol/session.ts';
import { expect, onTestFinished, test } from 'vitest';
import { openDataDirectory } from '../../../../agent/src/data-directory.ts';
import { readIdentity, readPrevious, writeIdentity } from '../../../../agent/src/identity/identity.ts';
import { keepRenewed, renewalDueIn } from '../../../../agent/src/identity/renewal.ts';
import { createCa } from '../../../../coordinator/src/pki/ca.ts';
import { openFleetCa } from '../../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { generateRsaKeyPair } from '../../../../coordinator/src/pki/keys.ts';
import { scratch } from '../../coordinator/pki/outside-tools.ts';

const MINUTE = 60_000;

test('a certificate is due by the life that it has from when it was issued, though it begins earlier', async () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const { certificatePem } = await createCa({ commonName: 'any', validityDays: 1, keyBits: 3072, now });
  const dueAfter = (minutes: number, share: number) =>
    renewalDueIn(certificatePem, share, now.getTime() + minutes * MINUTE);
  expect(BACKDATED_MS).toBe(5 * MINUTE);
  expect(dueAfter(0, 2 / 3)).toBeCloseTo(16 * 60 * MINUTE);
  expect(dueAfter(60, 0.5)).toBe(11 * 60 * MINUTE);
  expect(dueAfter(16 * 60, 2 / 3)).toBeCloseTo(0);
  expect(dueAfter(30 * 60, 2 / 3)).toBe(0);
});

test('an agent that is asked for a certificate of another CA asks though its own is new, again when no answer came, takes it once it trusts that CA, and asks for no other before that one was let in', async () => {
  const directory = await openDataDirectory(scratch());
  const now = () => new Date();
  const [old, next] = await Promise.all([scratch(), scratch()].map((path) => openFleetCa({ directory: path, now })));
  if (!old || !next) return expect.unreachable();
  const issued = { id: 'us/us-1', validityMs: 1000 * MINUTE };
  const { publicKeyPem, privateKeyPem } = await generateRsaKeyPair(2048);
  await writeIdentity(directory, { ...old.issueAgentCertificate({ ...issued, publicKeyPem }), privateKeyPem });
  writeFileSync(directory.fleetCa, old.certificatePem);
  const asked: Renew[] = [];
  let shown = 0;
  const before = await readIdentity(directory);
  let accepted = before.certificatePem;
  const renewal = keepRenewed({
    ...{ config: { cluster: 'us', name: 'us-1' }, directory, log: () => undefined },
    send: (message) => message.type === 'renew' && asked.push(message) > 0,
    showIdentity: () => {
      shown += 1;
    },
    accepted: () => accepted,
  });
  onTestFinished(() => renewal.stop());
  for (const times of [1, 2]) {
    renewal.onRenewSoon({ type: 'renew-soon', withinMs: 0 });
    await expect.poll(() => asked.length, { timeout: 60_000 }).toBe(times);
  }
  const [first, second] = asked;
  expect(second).toEqual(first);
  const answer = next.issueAgentCertificate({ ...issued, publicKeyPem: first?.publicKeyPem ?? '' });
  const renewed = { type: 'renewed' as const, certificatePem: answer.certificatePem };
  await renewal.onRenewed(renewed);
  expect(shown).toBe(0);
  writeFileSync(directory.fleetCa, old.certificatePem + next.certificatePem);
  await renewal.onRenewed(renewed);
  expect(shown).toBe(1);
  expect((await readIdentity(directory)).certificatePem.trim()).toBe(answer.certificatePem.replaceAll('\r', '').trim());

  // The connection with it failed: it is shown again, since the coordinator would forget it for another one.
  renewal.onRenewSoon({ type: 'renew-soon', withinMs: 0 });
  await expect.poll(() => shown, { timeout: 60_000 }).toBeGreaterThan(1);
  expect(asked).toHaveLength(2);
  expect(await readPrevious(directory)).toEqual(before);
  accepted = (await readIdentity(directory)).certificatePem;
  renewal.onRenewSoon({ type: 'renew-soon', withinMs: 0 });
  await expect.poll(() => asked.length, { timeout: 60_000 }).toBe(3);
  expect(asked[2]?.publicKeyPem).not.toBe(first?.publicKeyPem);
});
