import type { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateConnectRequest } from '@remora/shared/model/requests/certificate-connect-request.ts';
import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import {
  planCertificateConnect,
  transportTargets,
} from '../../../coordinator/src/plan/connect-certificate/connect-certificate.ts';
import type { CertificateConnectFacts } from '../../../coordinator/src/plan/connect-certificate/facts.ts';
import { isByCertificate } from '../../../coordinator/src/plan/connection/connection-records.ts';
import { planCertificateDisconnect } from '../../../coordinator/src/plan/disconnect-certificate/disconnect-certificate.ts';
import type { CertificateDisconnectFacts } from '../../../coordinator/src/plan/disconnect-certificate/facts.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { carriedOut, cutOff, recordsOf, type TrustWorld, transportFacts } from './world.ts';

const wishOf = (wish: Partial<CertificateConnectRequest>): CertificateConnectRequest => ({
  ...{ local: 'eu', remote: 'us', alias: 'us', mode: 'sniff' },
  ...wish,
});

const contextOf = ({ made }: TrustWorld) => ({
  ...{ planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
});

const observed = (one: TrustWorld, wish: CertificateConnectRequest): CertificateConnectFacts => {
  const { local, remote, secretVersions } = factsOf(one.made, request({ alias: wish.alias }));
  const sides = { local: transportFacts(one, local), remote: transportFacts(one, remote) };
  const stands = `cluster.remote.${wish.alias}.mode` in one.made.local.persistent;
  const paths = transportTargets(sides.remote, wish).flatMap((address) =>
    one.made.local.nodes.map(({ name: node }) => ({
      ...{ node, address, tcp: one.made.network[address] ?? 'open', detail: `connect ${address}` },
    })),
  );
  return {
    ...{ ...sides, connections: recordsOf(one), paths, secretVersions },
    proven: stands ? cutOff(one, wish.alias).length === 0 : null,
  };
};

export const planOn = (one: TrustWorld, wish: Partial<CertificateConnectRequest> = {}): StoredPlan =>
  planCertificateConnect(wishOf(wish), observed(one, wishOf(wish)), contextOf(one));

/** The world once the connection is made, by the planner's own plan. */
export const connectedBy = (one: TrustWorld, wish: Partial<CertificateConnectRequest> = {}): TrustWorld =>
  carriedOut(one, planOn(one, wish).steps);

export const planOff = (
  one: TrustWorld,
  wish: Partial<DisconnectRequest> = {},
  more: Pick<CertificateDisconnectFacts, 'remoteRoles'> = {},
): StoredPlan => {
  const alias = wish.alias ?? 'us';
  const { local, remote, connections, secretVersions } = observed(one, wishOf({ alias }));
  const { deploymentTrusts } = one;
  const connection = connections.filter(isByCertificate).find((record) => record.alias === alias);
  if (!connection) throw new Error(`there is no connection ${alias}`);
  const facts = {
    ...{ connection, local, remote, connections, deploymentTrusts, secretVersions },
    ...{ followers: [], roles: [], busy: [], ...more },
  };
  return planCertificateDisconnect({ local: 'eu', alias, ...wish }, facts, contextOf(one));
};

export const refusalOf = (plan: () => unknown): RemoraError => {
  try {
    plan();
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};
