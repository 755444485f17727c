import { createPrivateKey, createPublicKey, createSign, X509Certificate } from 'node:crypto';
import { messageOf } from '@remora/shared/errors.ts';
import { BACKDATED_MS, renewalProof } from '@remora/shared/protocol/enrol.ts';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import type { Renewed, RenewSoon } from '@remora/shared/protocol/session.ts';
import type { AgentConfig } from '../checks.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Log } from '../log.ts';
import { readFleetCas } from './fleet-cas.ts';
import { belongTogether, newPrivateKey, readIdentity, replaceIdentity } from './identity.ts';

/** Renews the agent's certificate over its session, at two thirds of its life, and when the coordinator asks for it. */
export interface Renewal {
  /** A session was opened; `answers`: with a coordinator that renews. */
  onWelcome(answers: boolean): void;
  onRenewed(message: Renewed): Promise<void>;
  /** Another CA signs from now on: a certificate of that one is asked for within this time, whatever is left of this one's life. */
  onRenewSoon(message: RenewSoon): void;
  stop(): void;
}

export interface RenewalParts {
  readonly config: Pick<AgentConfig, 'cluster' | 'name'>;
  readonly directory: DataDirectory;
  readonly log: Log;
  /** False when there is no session. */
  send(message: FromAgent): boolean;
  /** A new identity lies in the data directory: show it. */
  showIdentity(): void;
  /** The certificate with which the agent was let in last, PEM; null before. */
  accepted(): string | null;
}

/** Two thirds of the life, give or take a fifteenth: a fleet that joined in an hour does not renew in one. */
const SHARE = { from: 9 / 15, to: 11 / 15 };
/** The clock may be set meanwhile, and timers of Node end at 24 days. */
const LOOK_AGAIN_MS = 3_600_000;
const RETRY = { leastMs: 1000, mostMs: 10 * 60_000 };

interface Life {
  readonly issuedMs: number;
  readonly lengthMs: number;
}

const lifeOf = (certificatePem: string): Life => {
  const { validFromDate, validToDate } = new X509Certificate(certificatePem);
  const issuedMs = validFromDate.getTime() + BACKDATED_MS;
  return { issuedMs, lengthMs: Math.max(1, validToDate.getTime() - issuedMs) };
};

/** How long until a certificate is to be renewed, in ms; 0 when it is time. `share` is where in its life. */
export const renewalDueIn = (certificatePem: string, share: number, nowMs: number): number => {
  const { issuedMs, lengthMs } = lifeOf(certificatePem);
  return Math.max(0, issuedMs + lengthMs * share - nowMs);
};

/** A hundredth of the life, within bounds: also how far those are spread who are late, when their coordinator comes back. */
const retryMs = (certificatePem: string): number =>
  Math.min(RETRY.mostMs, Math.max(RETRY.leastMs, lifeOf(certificatePem).lengthMs / 100));

const signed = (parts: RenewalParts, privateKeyPem: string): FromAgent => {
  const key = createPrivateKey(privateKeyPem);
  const publicKeyPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const proof = renewalProof(parts.config.cluster, parts.config.name, publicKeyPem);
  return { type: 'renew', publicKeyPem, signature: createSign('sha256').update(proof).sign(key, 'base64') };
};

/** Why a certificate that came is not taken; null when it is. */
const trouble = async (directory: DataDirectory, certificatePem: string, privateKeyPem: string) => {
  if (!belongTogether({ certificatePem, privateKeyPem })) return 'it is not for the key of this agent';
  const certificate = new X509Certificate(certificatePem);
  if (certificate.validToDate.getTime() <= Date.now()) return `it ended at ${certificate.validToDate.toISOString()}`;
  const fleetCas = await readFleetCas(directory);
  return fleetCas.some((ca) => certificate.verify(ca.publicKey)) ? null : 'no fleet CA that is trusted signed it';
};

const isSame = (certificatePem: string, accepted: string | null): boolean =>
  accepted !== null && certificatePem.trim() === accepted.trim();

/**
 * The key is made anew for each renewal and lies nowhere until its certificate has come: a crash before that costs a key, and the next start asks again. Until
 * the new certificate was used the coordinator accepts both; asked for another one meanwhile, it forgets the one that was not used. So that one is shown
 * again, and no other is asked for before it was let in.
 */
export const keepRenewed = (parts: RenewalParts): Renewal => {
  const { directory, log } = parts;
  const share = SHARE.from + Math.random() * (SHARE.to - SHARE.from);
  let timer: NodeJS.Timeout | undefined;
  let isAskedFor = false;
  let waiting: { readonly privateKeyPem: string } | null = null;
  /** By the monotonic clock: with a wall clock far ahead every certificate is late, and must not be renewed for ever. */
  let notBefore = 0;

  const ask = async (): Promise<void> => {
    waiting ??= { privateKeyPem: await newPrivateKey() };
    parts.send(signed(parts, waiting.privateKeyPem));
  };

  const look = async (isWelcome: boolean): Promise<void> => {
    const { certificatePem } = await readIdentity(directory);
    const dueMs = Math.max(renewalDueIn(certificatePem, share, Date.now()), notBefore - performance.now());
    const spread = retryMs(certificatePem);
    const again = spread * (0.5 + Math.random());
    if (!isWelcome && !isSame(certificatePem, parts.accepted())) {
      isAskedFor = false;
      parts.showIdentity();
      return plan(again);
    }
    if (!isAskedFor && (dueMs > 0 || isWelcome)) return plan(Math.max(dueMs, Math.random() * spread));
    await ask();
    plan(again);
  };

  const plan = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => start(false), Math.min(ms, LOOK_AGAIN_MS));
    timer.unref();
  };

  const start = (isWelcome: boolean): void => {
    look(isWelcome).catch((error: unknown) => {
      log('error', `the certificate of this agent could not be renewed: ${messageOf(error)}`);
      plan(RETRY.mostMs);
    });
  };

  return {
    onWelcome(answers) {
      clearTimeout(timer);
      if (answers) start(true);
    },
    async onRenewed({ certificatePem }) {
      if (!waiting) return;
      const { privateKeyPem } = waiting;
      const why = await trouble(directory, certificatePem, privateKeyPem);
      if (why !== null) return log('error', `the certificate that the coordinator sent is not taken: ${why}`);
      waiting = null;
      isAskedFor = false;
      await replaceIdentity(directory, { certificatePem, privateKeyPem }, (now) => isSame(now, parts.accepted()));
      const { validToDate } = new X509Certificate(certificatePem);
      notBefore = performance.now() + lifeOf(certificatePem).lengthMs / 10;
      log('info', 'the certificate of this agent was renewed', { notAfter: validToDate.toISOString() });
      parts.showIdentity();
      plan(retryMs(certificatePem));
    },
    onRenewSoon({ withinMs }) {
      isAskedFor = true;
      plan(Math.random() * withinMs);
    },
    stop: () => clearTimeout(timer),
  };
};
