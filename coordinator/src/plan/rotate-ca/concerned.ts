import { type ErrorCode, RemoraError } from '@remora/shared/errors.ts';
import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { type ConnectionRecord, keyConnections, proxyCaOf } from '../connection/connection-records.ts';
import { nodeKey } from '../node/node-id.ts';
import type { CaRecord, CertificateRecord, SigningCertificateRecord } from '../records.ts';
import { signerId } from '../signing/signing-names.ts';
import { comingCa } from '../trust/ca-names.ts';
import type { CaRecords } from './facts.ts';

/** A CA that ends sooner would have to be replaced at once. */
const LEAST_LIFE_MS = 30 * DAY_MS;
const LONGEST_NAME = 63;

/** A CA, the one that takes its place, and what uses them. */
export interface Concerned {
  readonly old: CaRecord;
  readonly next: { readonly name: string /** Null of one that is to be made. */; readonly record: CaRecord | null };
  readonly connections: readonly ConnectionRecord[];
  readonly certificates: readonly CertificateRecord[];
  /** Clusters whose nodes connect, and clusters whose nodes serve: by name, in order. */
  readonly locals: readonly string[];
  readonly remotes: readonly string[];
  readonly signing: ConcernedSigning;
  /** All of these, by name. */
  readonly clusters: readonly string[];
}

/** What is signed by one of the two. */
interface ConcernedSigning {
  readonly connections: readonly ConnectionRecord[];
  readonly signers: readonly SigningCertificateRecord[];
  /** Clusters that take these signatures, by name. */
  readonly remotes: readonly string[];
}

/** Connections that trust remote nodes by it, and those that are signed by it, each once. */
export const usersOf = ({ connections, signing }: Concerned): ConnectionRecord[] => [
  ...new Set([...connections, ...signing.connections]),
];

const refuse = (code: ErrorCode, message: string, hint = 'See `remora ca list`.'): never => {
  throw new RemoraError(code, message, { hint });
};

/** `us-remote-2` for `us-remote`, `us-remote-3` for that one: the first number of which there is no CA, and of which none was: its key would be the old one again. */
const freeName = (name: string, { cas, secretVersions }: CaRecords): string => {
  const [, base = name, number = '1'] = /^(.+)-(\d{1,4})$/.exec(name) ?? [];
  for (let n = Number(number) + 1; ; n += 1) {
    const candidate = `${base.slice(0, LONGEST_NAME - String(n).length - 1)}-${n}`;
    if (!cas.some((ca) => ca.name === candidate) && !(`ca/${candidate}/key` in secretVersions)) return candidate;
  }
};

const oldCa = ({ ca: name }: CaRotateRequest, { cas }: CaRecords): CaRecord => {
  const old = cas.find((ca) => ca.name === name);
  if (!old) return refuse('not-found', `There is no CA "${name}".`);
  if (old.retiredAt !== undefined)
    return refuse('conflict', `CA ${name} is retired: CA ${old.successor} took its place at ${old.retiredAt}.`);
  const before = cas.find((ca) => comingCa(cas, ca.name) === name);
  return before
    ? refuse(
        'conflict',
        `CA ${name} is only taking the place of ${before.name}, which is still trusted.`,
        `Finish that first with \`remora ca rotate ${before.name}\`, or roll its run back.`,
      )
    : old;
};

/** Whether a CA that is there can take the place of another. */
const checkNext = (old: CaRecord, next: CaRecord, { cas }: CaRecords, now: string): void => {
  const { name, facts, retiredAt, successor } = next;
  const what = `CA ${name} cannot take the place of ${old.name}`;
  if (name === old.name || facts.fingerprint256 === old.facts.fingerprint256)
    refuse('bad-input', `${what}: it is the same.`);
  if (facts.notAfter <= now) refuse('bad-input', `${what}: it ended at ${facts.notAfter}.`);
  if (facts.notBefore > now) refuse('bad-input', `${what}: it begins at ${facts.notBefore}.`);
  if (Date.parse(facts.notAfter) - Date.parse(now) < LEAST_LIFE_MS)
    refuse('bad-input', `${what}: it ends at ${facts.notAfter} already, in less than 30 days.`);
  if (retiredAt !== undefined) refuse('conflict', `${what}: it is retired, and ${successor} took its place.`);
  if (comingCa(cas, name) !== null) refuse('conflict', `${what}: its own place is being taken by ${successor}.`);
};

const nextCa = (request: CaRotateRequest, old: CaRecord, records: CaRecords, now: string): Concerned['next'] => {
  const { successor } = old;
  if (successor !== undefined && request.to !== undefined && request.to !== successor)
    refuse(
      'conflict',
      `CA ${successor} is taking the place of ${old.name} already, and nodes trust it.`,
      `\`remora ca rotate ${old.name}\` goes on with that one; a rollback of its run takes it back.`,
    );
  const name = request.to ?? successor ?? freeName(old.name, records);
  const record = records.cas.find((ca) => ca.name === name) ?? null;
  if (record === null && request.to !== undefined)
    refuse('not-found', `There is no CA "${name}".`, 'Make or import it first, or leave out --to: then one is made.');
  if (record !== null) checkNext(old, record, records, now);
  return { name, record };
};

/** A CA may have signed what this does not replace. */
const refuseOtherPurposes = ({ name }: CaRecord, { certificates }: CaRecords): void => {
  const other = certificates.find(({ ca, purpose }) => ca === name && purpose !== 'remote_cluster_server');
  if (!other) return;
  refuse(
    'conflict',
    `CA ${name} also signed the certificate of ${other.cluster}/${other.node} for ${other.purpose}, which other clients trust: only what serves remote clusters is replaced by this.`,
    'Have another CA sign that one first.',
  );
};

/** What a deployment connects through may have a certificate of it, which nothing here replaces. */
const refuseProxies = ({ name }: CaRecord, { connections }: CaRecords): void => {
  const one = connections.find((record) => proxyCaOf(record).includes(name));
  if (one === undefined) return;
  refuse(
    'conflict',
    `The connection ${one.local}/${one.alias} goes through what has a certificate of CA ${name} (--proxy-ca), and Remora does not replace that certificate.`,
    'Have the deployment trust another CA too with `remora clouds trust`, replace the certificate there, then give the command that made the connection with that CA as --proxy-ca.',
  );
};

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

const byKey = <T>(all: readonly T[], key: (one: T) => string): T[] =>
  [...all].sort((a, b) => key(a).localeCompare(key(b), 'en', { numeric: true }));

const nameOf = ({ local, alias }: ConnectionRecord): string => `${local}/${alias}`;

const signedBy = (isConcerned: (one: { readonly ca: string }) => boolean, records: CaRecords): ConcernedSigning => {
  const connections = byKey(
    keyConnections(records.connections).filter(({ signing }) => signing !== undefined && isConcerned(signing)),
    nameOf,
  );
  const signers = byKey(records.signers.filter(isConcerned), signerId);
  return { connections, signers, remotes: sorted([...connections, ...signers].map(({ remote }) => remote)) };
};

/** What the records say of the rotation. Throws what forbids it whatever the clusters are like. */
export const concernedBy = (request: CaRotateRequest, records: CaRecords, now: string): Concerned => {
  const old = oldCa(request, records);
  const next = nextCa(request, old, records, now);
  refuseOtherPurposes(old, records);
  if (old.successor === undefined) refuseProxies(old, records);
  // Of a rotation that was begun, what has the new CA already may still trust the old one.
  const names = [old.name, ...(old.successor === undefined ? [] : [old.successor])];
  const isConcerned = ({ ca }: { readonly ca: string }): boolean => names.includes(ca);
  const connections = byKey(keyConnections(records.connections).filter(isConcerned), nameOf);
  const certificates = byKey(
    records.certificates.filter((record) => isConcerned(record) && record.purpose === 'remote_cluster_server'),
    nodeKey,
  );
  const signing = signedBy(isConcerned, records);
  const uses = connections.length + certificates.length + signing.connections.length + signing.signers.length;
  if (old.successor === undefined && uses === 0)
    refuse(
      'conflict',
      `Nothing uses CA ${old.name}: no certificate is of it, and no connection trusts it or is signed by it.`,
      `\`remora ca remove ${old.name}\` forgets it.`,
    );
  const locals = sorted(connections.map(({ local }) => local));
  const remotes = sorted([...connections.map(({ remote }) => remote), ...certificates.map(({ cluster }) => cluster)]);
  const signers = [...signing.connections.map(({ local }) => local), ...signing.signers.map(({ cluster }) => cluster)];
  return {
    ...{ old, next, connections, certificates, locals, remotes, signing },
    clusters: [...new Set([...remotes, ...locals, ...sorted([...signing.remotes, ...signers])])],
  };
};
