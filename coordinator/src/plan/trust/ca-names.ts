import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import { adoptedIn, casOf } from '../connection/connection-records.ts';
import type { ConnectFacts } from '../facts.ts';
import { isRemoved } from '../node/secret-versions.ts';
import type { CaRecord } from '../records.ts';

/** A CA of Remora's own, where nobody says otherwise. */
export const ownCa = { keyBits: 3072, validityDays: 3650 } as const;

/** References of a CA's key and certificate; both are minted once, when the CA is made. */
export const caKeySecret = (ca: string): string => `secret:ca/${ca}/key@1`;
export const caCertificateSecret = (ca: string): string => `secret:ca/${ca}/certificate@1`;

/** A sentence where no run can make a CA of this name, since its secrets were removed: what was written once is never written again. */
export const lostCa = (ca: string, { cas, secretVersions }: Pick<ConnectFacts, 'cas' | 'secretVersions'>): string[] => {
  const isThere = cas.some(({ name }) => name === ca);
  const [lost] = [caKeySecret(ca), caCertificateSecret(ca)]
    .map((reference) => parseSecretReference(reference).name)
    .filter((name) => isRemoved(secretVersions, name));
  return isThere || lost === undefined
    ? []
    : [
        `There was a CA ${ca}, and its secret ${lost} was removed: no other CA of that name is made by a run. Give another name, or make it with \`remora ca create ${ca}\`.`,
      ];
};

/**
 * Names of the secrets of a CA that was not made by a run. They hold its fingerprint, so that those of a CA that was removed never stand in the way of a later one of
 * the same name.
 */
export const importedCaSecrets = (
  name: string,
  fingerprint256: string,
): { readonly key: string; readonly certificate: string } => {
  const base = `ca/${name}/${fingerprint256.slice(0, 16)}`;
  return { key: `${base}/key`, certificate: `${base}/certificate` };
};

/** The CA that is taking the place of this one; null of one that stays, or is retired, and until that CA is made. */
export const comingCa = (cas: readonly CaRecord[], name: string): string | null => {
  const { successor, retiredAt } = cas.find((ca) => ca.name === name) ?? {};
  const isMade = cas.some((ca) => ca.name === successor);
  return successor !== undefined && isMade && retiredAt === undefined ? successor : null;
};

/** These CAs, and those that are taking the place of one of them: whoever trusts the one trusts both. Each once, in order. */
export const withComing = (cas: readonly CaRecord[], names: readonly string[]): string[] =>
  [...new Set(names.flatMap((name) => [name, comingCa(cas, name) ?? []].flat()))].sort();

type Known = Pick<ConnectFacts, 'certificates' | 'cas' | 'connections'>;

/**
 * The CA of a connection: the one that the remote nodes' certificates have, else that of one that was taken over, else the one that was asked for, else one of the cluster's own. One whose place another
 * is taking stays it until nothing has it any more: only the run that replaces it knows when.
 */
export const caNameOf = ({ certificates, cas, connections }: Known, request: ConnectRequest): string => {
  const standing = connections.find(({ local, alias }) => local === request.local && alias === request.alias);
  const names = [...certificates.map(({ ca }) => ca), ...(standing === undefined ? [] : casOf(standing))];
  const going = names.find((name) => comingCa(cas, name) !== null);
  const adopted = adoptedIn(standing) === undefined ? undefined : names.at(-1);
  return going ?? certificates[0]?.ca ?? adopted ?? request.ca ?? `${request.remote}-remote`;
};

/**
 * The CA that signs a node's next certificate: its own while that is trusted. Of a node without one the coming CA once any node of the cluster has a certificate of
 * it, since before the first was issued everybody who connects was proven to trust it, and the old one until then.
 */
export const signingCa = ({ certificates, cas }: Omit<Known, 'connections'>, ca: string, own?: string): string => {
  const coming = comingCa(cas, ca);
  if (coming === null) return ca;
  if (own === ca || own === coming) return own;
  return certificates.some((one) => one.ca === coming) ? coming : ca;
};
