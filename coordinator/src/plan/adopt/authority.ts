import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { holdsInBundle } from '../connection/adopted.ts';
import { inCluster } from '../connection/alias-place.ts';
import { connectingNodes, fileSetting, itemsOf } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { AnyStep } from '../steps.ts';
import type { AdoptionFacts } from './facts.ts';

const LONGEST_NAME = 63;

/** A CA of the remote cluster's certificates, and whether it has yet to be filed. */
export interface Authority {
  readonly name: string;
  readonly certificatePem: string;
  readonly facts: CertificateFacts;
  readonly isNew: boolean;
}

/** `us-remote`, as `connect` would call it; with the beginning of its fingerprint where another CA is called so. */
const freeName = (remote: string, { fingerprint256 }: CertificateFacts, { cas }: AdoptionFacts): string => {
  const name = `${remote}-remote`.slice(0, LONGEST_NAME);
  const end = `-${fingerprint256.slice(0, 8)}`;
  return cas.some((ca) => ca.name === name) ? `${name.slice(0, LONGEST_NAME - end.length)}${end}` : name;
};

/** The CAs that the certificates of the remote cluster lead to, each once; the first is that of the connection. */
export const authoritiesOf = (request: AdoptRequest, facts: AdoptionFacts): Authority[] => {
  const served = facts.servers.flatMap(({ ca }) => ca ?? []);
  const distinct = [...new Map(served.map((ca) => [ca.facts.fingerprint256, ca])).values()];
  const found = distinct.map((ca): Authority => {
    const known = facts.cas.find((one) => one.facts.fingerprint256 === ca.facts.fingerprint256);
    const isFree = distinct.length === 1 && !facts.cas.some(({ name }) => name === request.ca);
    const wanted = isFree ? request.ca : undefined;
    const name = known?.name ?? wanted ?? freeName(facts.remote?.name ?? '', ca.facts, facts);
    return { ...ca, name, isNew: known === undefined };
  });
  // Of certificates that Remora made it is on record, and all connections to that cluster have the same.
  const recorded = facts.certificates[0]?.ca;
  const isFirst = ({ name }: Authority): boolean => name === (recorded ?? request.ca);
  return [...found].sort((a, b) => Number(isFirst(b)) - Number(isFirst(a)) || (a.name < b.name ? -1 : 1));
};

/** Whether every node that connects trusts the CA by Remora's own bundle, which is kept up to date then. */
export const isTrustedByBundle = ({ local }: AdoptionFacts, { facts: { fingerprint256 } }: Authority): boolean =>
  connectingNodes(local, inCluster).every(
    (node) =>
      itemsOf(fileSetting(node, `${sslPrefix.remote_cluster_client}.certificate_authorities`)).includes(
        files.caBundle,
      ) && holdsInBundle(node, fingerprint256),
  );

/** Files CAs that are only trusted. */
export const importSteps = (authorities: readonly Authority[]): AnyStep[] =>
  authorities
    .filter(({ isNew }) => isNew)
    .map(({ name, certificatePem, facts: { subject, notAfter, fingerprint256 } }) => ({
      ...{ id: `import-ca-${name}`, kind: 'ca.import', target: 'coordinator', effect: 'none', stage: 'prepare' },
      reason: 'the certificates of the remote cluster lead to it',
      diff: `+ CA ${name} (${subject}, until ${notAfter}, without its key)\n+   SHA-256 ${fingerprint256}`,
      input: { ca: name, certificatePem, fingerprint256 },
    }));
