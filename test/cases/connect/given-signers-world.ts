import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { applySteps } from './apply.ts';
import { certificateFacts, request } from './facts.ts';
import { connected, planIn } from './plans.ts';
import type { RefusalCase } from './runner.ts';
import { type World, world } from './world.ts';

export const DAY_MS = 86_400_000;
export const CORPORATE = 'corporate';
/** As Elasticsearch compares it. */
export const SUBJECT = 'CN=signer\\, Inc. \\= eu';

/** One more signing certificate that others made, for a node. */
export const signFor = (made: World, name: string, { days = 90, subject = SUBJECT, begins = 0 } = {}): void => {
  const id = `id-${made.signed.length + 1}`;
  const facts = certificateFacts(`given ${id}`, made.nowMs + begins, made.nowMs + days * DAY_MS);
  const at = new Date(made.nowMs + made.signed.length).toISOString();
  made.signed.push({
    ...{ id, name, ca: CORPORATE, purpose: 'remote_signing', commonName: 'signer', sans: [] },
    ...{ key: `secret:signing-request/${id}/key@1`, requestedAt: at, acceptedAt: at },
    signed: { certificatePem: '', chainPem: [], facts: { ...facts, subject } },
  });
};

/** A connection that works, and certificates that others made for the nodes that connect, of which it has none yet. */
export const givenSigners = (first: Partial<ConnectRequest> = {}): World => {
  const made = connected(world({ remote: 1, local: 2 }), first);
  made.cas.push({
    ...{ name: CORPORATE, certificatePem: 'PEM of corporate', certificate: 'secret:ca/corporate/certificate@1' },
    key: null,
    facts: certificateFacts('fingerprint of corporate', made.nowMs, made.nowMs + 3650 * DAY_MS),
  });
  made.secretVersions['ca/corporate/certificate'] = 1;
  for (const { name } of made.local.nodes) signFor(made, name);
  return made;
};

export const signingWish = (more: Partial<ConnectRequest> = {}): ConnectRequest =>
  request({ signingCa: CORPORATE, signingGiven: [], ...more });

/** The same, signed with them. */
export const signedBefore = (): World => {
  const made = givenSigners();
  return applySteps(made, planIn(made, signingWish()).steps);
};

const given = { signingCa: CORPORATE, signingGiven: [] };
const refused = { code: 'bad-input', check: 'signing-subject' } as const;
const bent =
  (change: (made: World) => void, make: () => World = givenSigners): (() => World) =>
  () => {
    const made = make();
    change(made);
    return made;
  };

/** Signing certificates of others that do not do. */
export const refusedGivenSigners: RefusalCase[] = [
  {
    name: 'a node without one',
    world: bent((made) => made.signed.pop()),
    ...{ wish: given, ...refused },
    says: 'There is no certificate of CA corporate for the signatures of node eu-2 (cluster eu): it is found by its name, eu-2',
  },
  {
    name: 'none for any node',
    world: bent((made) => {
      made.signed = [];
    }),
    ...{ wish: given, ...refused, findings: 3 },
    says: 'There is no signing certificate of CA corporate for any node of cluster eu',
  },
  {
    name: 'one for a node that is not there',
    world: bent((made) => signFor(made, 'eu-9')),
    wish: { signingCa: CORPORATE, signingGiven: ['id-1', 'id-2', 'id-3'] },
    ...refused,
    says: 'There is a certificate for "eu-9", which is no node of cluster eu',
  },
  {
    name: 'one that has ended',
    world: bent((made) => signFor(made, 'eu-2', { days: -1 })),
    ...{ wish: given, ...refused },
    says: 'The signing certificate for node eu-2 (cluster eu) ended at',
  },
  {
    name: 'one that begins later',
    world: bent((made) => signFor(made, 'eu-2', { begins: DAY_MS })),
    ...{ wish: given, ...refused },
    says: 'The signing certificate for node eu-2 (cluster eu) begins at',
  },
  {
    name: 'a subject that the expression does not match',
    world: givenSigners,
    wish: { ...given, certificateIdentity: 'CN=other' },
    ...refused,
    says: 'does not match the subject of the signing certificates, which Elasticsearch compares as CN=signer\\, Inc. \\= eu',
  },
  {
    name: 'several subjects',
    world: bent((made) => signFor(made, 'eu-2', { subject: 'CN=eu-2' })),
    ...{ wish: given, ...refused },
    says: 'have several subjects (CN=eu-2; CN=signer\\, Inc. \\= eu)',
  },
  {
    name: 'of those in use one that has ended, and no other is given',
    world: bent((made) => {
      made.nowMs += 91 * DAY_MS;
    }, signedBefore),
    wish: { signingCa: CORPORATE },
    ...{ ...refused, findings: 2 },
    says: 'signs for us was made elsewhere and ended at',
  },
];
