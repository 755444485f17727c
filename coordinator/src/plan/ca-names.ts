import type { ConnectRequest } from '@remora/shared/model/connect-request.ts';
import type { ConnectFacts } from './facts.ts';

/** A CA of Remora's own, where nobody says otherwise. */
export const ownCa = { keyBits: 3072, validityDays: 3650 } as const;

/** References of a CA's key and certificate; both are minted once, when the CA is made. */
export const caKeySecret = (ca: string): string => `secret:ca/${ca}/key@1`;
export const caCertificateSecret = (ca: string): string => `secret:ca/${ca}/certificate@1`;

/** The CA of the remote nodes' certificates: the one they have, else the one that was asked for, else one of the cluster's own. */
export const caNameOf = (facts: Pick<ConnectFacts, 'certificates'>, request: ConnectRequest): string =>
  facts.certificates[0]?.ca ?? request.ca ?? `${request.remote}-remote`;
