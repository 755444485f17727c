import { RemoraError } from '@remora/shared/errors.ts';
import { parseCaName } from '@remora/shared/model/values/names.ts';
import type { Clock } from '../../clock.ts';
import type { CaView } from '../../http/schemas/ca-view.ts';
import { createCa } from '../../pki/ca.ts';
import { describeCertificate } from '../../pki/describe.ts';
import { nameConstraintsOf, parseSubtree, shownSubtree } from '../../pki/names/name-constraints.ts';
import { type ReadCa, readCa } from '../../pki/read/read-ca.ts';
import { casOf, proxyCaOf, signingCaOf } from '../../plan/connection/connection-records.ts';
import type { CaRecord } from '../../plan/records.ts';
import { comingCa, importedCaSecrets } from '../../plan/trust/ca-names.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';
import type { CaCreation, Services } from '../../services.ts';
import type { Inventory } from '../../store/inventory.ts';

export interface CaServiceParts {
  readonly inventory: Inventory;
  readonly secrets: Pick<SecretStore, 'put' | 'remove'>;
  readonly clock: Clock;
  readonly rotation: Services['cas']['rotation'];
}

/** Certificates of the CA, as `CLUSTER/NODE`, and connections that trust it, as `LOCAL ALIAS`. */
const usersOf = async ({
  certificates,
  signingCertificates,
  connections,
}: Inventory): Promise<(ca: string) => string[]> => {
  const [issued, signing, trusting] = await Promise.all([
    certificates.list(),
    signingCertificates.list(),
    connections.list(),
  ]);
  return (name) => [
    ...issued.filter(({ ca }) => ca === name).map(({ cluster, node }) => `${cluster}/${node}`),
    ...signing.filter(({ ca }) => ca === name).map(({ cluster, node, alias }) => `${cluster}/${node} for ${alias}`),
    ...trusting
      .filter((one) => [...casOf(one), ...proxyCaOf(one), ...signingCaOf(one)].includes(name))
      .map(({ local, alias }) => `${local} ${alias}`),
  ];
};

const constraintsIn = (certificatePem: string): CaView['nameConstraints'] => {
  const constraints = nameConstraintsOf(certificatePem);
  if (constraints === null) return null;
  return { permitted: constraints.permitted.map(shownSubtree), excluded: constraints.excluded.map(shownSubtree) };
};

const viewOf = (
  { name, certificatePem, facts, key, successor, retiredAt }: CaRecord,
  usedBy: readonly string[],
): CaView => ({
  name,
  subject: facts.subject,
  notAfter: facts.notAfter,
  fingerprint256: facts.fingerprint256,
  hasKey: key !== null,
  nameConstraints: constraintsIn(certificatePem),
  usedBy: [...usedBy],
  ...(successor === undefined ? {} : { successor }),
  ...(retiredAt === undefined ? {} : { retiredAt }),
});

const unknown = (name: string): RemoraError =>
  new RemoraError('not-found', `There is no CA "${name}".`, { hint: 'See `remora ca list`.' });

const taken = (name: string): RemoraError =>
  new RemoraError('conflict', `There is a CA "${name}" already.`, {
    hint: 'Choose another name; `remora ca list` shows all.',
  });

/** Seals certificate and key and files the CA; what was sealed for a name that somebody else took meanwhile stays behind, unused. */
const file = async (
  { inventory, secrets }: CaServiceParts,
  name: string,
  { certificatePem, privateKeyPem }: Pick<ReadCa, 'certificatePem' | 'privateKeyPem'>,
  audit: { readonly actor: string; readonly action: 'ca.create' | 'ca.import' },
): Promise<CaView> => {
  const facts = describeCertificate(certificatePem);
  const { subject, notAfter, fingerprint256 } = facts;
  const names = importedCaSecrets(name, fingerprint256);
  const key = privateKeyPem === null ? null : await secrets.put(names.key, privateKeyPem);
  const certificate = await secrets.put(names.certificate, certificatePem);
  const record: CaRecord = { name, certificatePem, certificate, key, facts };
  const detail = `${subject}, until ${notAfter}, ${key === null ? 'without its key' : 'with its key'}, SHA-256 ${fingerprint256}`;
  if (!(await inventory.cas.add(name, record, { ...audit, target: name, detail }))) throw taken(name);
  return viewOf(record, []);
};

/** Gives a CA that was taken without its key the key; `conflict` for another certificate under its name, and where nothing is missing. */
const addKey = async (
  { inventory, secrets }: CaServiceParts,
  standing: CaRecord,
  { facts, privateKeyPem }: ReadCa,
  audit: { readonly actor: string; readonly action: 'ca.import' },
): Promise<CaView> => {
  const { name } = standing;
  const isSame = standing.facts.fingerprint256 === facts.fingerprint256;
  if (!isSame || standing.key !== null || privateKeyPem === null) throw taken(name);
  const key = await secrets.put(importedCaSecrets(name, facts.fingerprint256).key, privateKeyPem);
  const detail = `its key, SHA-256 of the certificate ${facts.fingerprint256}`;
  await inventory.cas.change(name, (record) => ({ ...record, key: record.key ?? key }), {
    ...audit,
    target: name,
    detail,
  });
  return viewOf({ ...standing, key }, (await usersOf(inventory))(name));
};

/** While one CA takes the place of another, nodes trust both. */
const refuseInTransition = (name: string, all: readonly CaRecord[]): void => {
  const old = all.find((ca) => [ca.name, ca.successor].includes(name) && comingCa(all, ca.name) !== null);
  if (old === undefined) return;
  throw new RemoraError(
    'conflict',
    `The CA "${old.successor}" is taking the place of "${old.name}": nodes trust both.`,
    {
      hint: `Finish that with \`remora ca rotate ${old.name}\`, or roll its run back.`,
    },
  );
};

/** The CAs that sign the remote nodes' certificates, or are trusted by local nodes; the fleet's own CA is not among them. */
export const caService = (parts: CaServiceParts): Services['cas'] => {
  const { cas } = parts.inventory;
  const refuseTaken = async (name: string): Promise<void> => {
    if ((await cas.get(parseCaName(name))) !== null) throw taken(name);
  };
  return {
    rotation: parts.rotation,
    async list() {
      const [all, users] = await Promise.all([cas.list(), usersOf(parts.inventory)]);
      return all.map((record) => viewOf(record, users(record.name)));
    },
    async export(name) {
      const ca = await cas.get(name);
      if (ca) return ca.certificatePem;
      throw unknown(name);
    },
    async create({ name, commonName, permit = [], exclude = [], ...wish }: CaCreation, actor) {
      await refuseTaken(name);
      const nameConstraints = {
        permitted: permit.map((text) => parseSubtree(text, '--permit')),
        excluded: exclude.map((text) => parseSubtree(text, '--exclude')),
      };
      const made = await createCa({ ...wish, commonName: commonName ?? name, nameConstraints, now: parts.clock() });
      return file(parts, name, made, { actor, action: 'ca.create' });
    },
    async import({ name, ...files }, actor) {
      const standing = await cas.get(parseCaName(name));
      const read = await readCa(files, parts.clock());
      const audit = { actor, action: 'ca.import' } as const;
      return standing === null ? file(parts, name, read, audit) : addKey(parts, standing, read, audit);
    },
    async remove(name, actor) {
      const users = (await usersOf(parts.inventory))(name);
      if (users.length > 0)
        throw new RemoraError('conflict', `The CA "${name}" is still used by ${users.join(', ')}.`, {
          hint: 'It can go once nothing has a certificate of it and no connection trusts it.',
        });
      refuseInTransition(name, await cas.list());
      const record = await cas.get(name);
      if (record === null || !(await cas.remove(name, { actor, action: 'ca.remove', target: name })))
        throw unknown(name);
      const { key, certificate } = importedCaSecrets(name, record.facts.fingerprint256);
      for (const secret of [key, certificate]) await parts.secrets.remove(secret);
    },
  };
};
