import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { applySteps } from './apply.ts';
import { certificateFacts, request } from './facts.ts';
import { planIn } from './plans.ts';
import type { RefusalCase } from './runner.ts';
import { nodeOf, type World, world } from './world.ts';

export const DAY_MS = 86_400_000;

const corporate = (nowMs: number) => ({
  ...{ name: 'corporate', certificatePem: 'PEM of corporate', certificate: 'secret:ca/corporate/certificate@1' },
  ...{ key: null, facts: certificateFacts('fingerprint of corporate', nowMs, nowMs + 3650 * DAY_MS) },
});

/** One more that was signed elsewhere, for a node. */
export const sign = (made: World, name: string, sans: readonly string[], days = 90): void => {
  const id = `id-${made.signed.length + 1}`;
  const facts = certificateFacts(`given ${id}`, made.nowMs, made.nowMs + days * DAY_MS);
  const at = new Date(made.nowMs).toISOString();
  made.signed.push({
    ...{ id, name, ca: 'corporate', purpose: 'remote_cluster_server', commonName: name, sans },
    ...{ key: `secret:signing-request/${id}/key@1`, requestedAt: at, acceptedAt: at },
    signed: { certificatePem: '', chainPem: [], facts: { ...facts, sans: [...sans] } },
  });
};

export const hostOf = (made: World, name: string): string => nodeOf(made.remote, name).transportHost;

/** With a certificate for each of three remote nodes. */
export const given = (
  names: (made: World, node: string) => string[] = (made, node) => [`IP:${hostOf(made, node)}`],
): World => {
  const made = world({ remote: 3, local: 1 });
  made.cas = [corporate(made.nowMs)];
  made.secretVersions['ca/corporate/certificate'] = 1;
  for (const { name } of made.remote.nodes) sign(made, name, [`DNS:${name}`, ...names(made, name)]);
  return made;
};

export const wish = (more: Partial<ConnectRequest> = {}): ConnectRequest =>
  request({ ca: 'corporate', given: [], ...more });

/** Certificates that were signed elsewhere and do not do. */
export const refusedGiven: RefusalCase[] = [
  {
    name: 'a CA without its key, and no certificates',
    world: () => given(),
    wish: { ca: 'corporate' },
    ...{ code: 'conflict', check: 'certificate-authority' },
    says: 'or give certificates that it signed with --files or --accepted',
  },
  {
    name: 'a node without one',
    world: () => {
      const made = given();
      made.signed.pop();
      return made;
    },
    wish: { ca: 'corporate', given: [] },
    ...{ code: 'bad-input', check: 'given-certificates' },
    says: 'There is no certificate of CA corporate for the remote cluster server of node us-3 (cluster us): it is found by its name, us-3',
  },
  {
    name: 'one that does not cover where the node listens',
    world: () => given((made, node) => (node === 'us-2' ? ['IP:10.9.9.9'] : [`IP:${hostOf(made, node)}`])),
    wish: { ca: 'corporate', given: [] },
    ...{ code: 'bad-input', check: 'given-certificates' },
    says: 'it names DNS:us-2, IP:10.9.9.9, and not 10.0.1.2, by which clusters that connect ask for it',
  },
  {
    name: 'one that has ended while it served',
    world: () => {
      const made = applySteps(given(), planIn(given(), wish()).steps);
      made.nowMs += 91 * DAY_MS;
      return made;
    },
    ...{ code: 'bad-input', check: 'given-certificates', findings: 3 },
    says: 'node us-1 (cluster us) was made elsewhere, and does not do: it ended at',
  },
  {
    name: 'one for a node that is not there',
    world: () => {
      const made = given();
      sign(made, 'us-9', ['DNS:us-9']);
      return made;
    },
    wish: { ca: 'corporate', given: ['id-1', 'id-2', 'id-3', 'id-4'] },
    ...{ code: 'bad-input', check: 'given-certificates' },
    says: 'There is a certificate for "us-9", which is no node of cluster us',
  },
  {
    name: 'a CA that is only taking the place of theirs',
    world: () => {
      const made = applySteps(given(), planIn(given(), wish()).steps);
      const old = made.cas[0] as World['cas'][number];
      made.cas = [
        { ...old, successor: 'next' },
        { ...old, name: 'next' },
      ];
      made.signed = made.signed.map((one) => ({ ...one, ca: 'next' }));
      return made;
    },
    wish: { ca: 'next', given: [] },
    ...{ code: 'bad-input', check: 'given-certificates' },
    says: 'cannot get a certificate of CA next now: one of CA corporate and CA next takes the place of the other',
  },
  {
    name: 'seeds that none of them covers',
    world: () => given(),
    wish: { ca: 'corporate', given: [], seeds: ['seed.us.example.com:9443'] },
    ...{ code: 'bad-input', check: 'given-certificates' },
    says: 'None of the certificates covers a seed by which nodes look for cluster us (seed.us.example.com)',
  },
  {
    name: 'names for those that stay',
    world: () => applySteps(given(), planIn(given(), wish()).steps),
    wish: { sans: ['us.example.com'] },
    ...{ code: 'bad-input', check: 'given-certificates' },
    says: 'node us-1 (cluster us) was made elsewhere, and --san does not change it',
  },
  {
    name: 'nodes of which some have certificates of another CA',
    world: () => {
      const made = applySteps(given(), planIn(given(), wish()).steps);
      made.connections = [];
      made.certificates = made.certificates.map((one) => (one.node === 'us-3' ? { ...one, ca: 'us-remote' } : one));
      made.local.persistent = {};
      for (const node of made.local.nodes) delete node.keystore.entries['cluster.remote.us.credentials'];
      return made;
    },
    ...{ code: 'conflict', check: 'certificate-authority' },
    says: 'Some nodes of cluster us have certificates of CA corporate, others of CA us-remote: have one sign all of them first',
  },
  {
    name: 'a CA that is not known',
    world: () => ({ ...given(), cas: [] }),
    wish: { ca: 'other', given: [] },
    ...{ code: 'conflict', check: 'certificate-authority', findings: 4 },
    says: 'There is no CA "other": import the one that signed the certificates with `remora ca import`.',
  },
];
