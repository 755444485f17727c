/**
 * While the fleet CA is being rotated, each of the two vouches for the other one: `GET /agent/v1/ca` has a block of this kind behind the certificates, and so
 * have the answer to a join and the message `trust`. An agent that knows one of them, by its token or its disk, believes the other one by that. Fingerprints
 * are SHA-256 of the DER, lower-case hex.
 */
export interface Voucher {
  readonly by: string;
  readonly of: string;
  /** Base64 of an RSASSA-PKCS1-v1_5 SHA-256 signature over `voucherText`, by the key of `by`. */
  readonly signature: string;
}

const LABEL = 'REMORA FLEET CA VOUCHER';
const BLOCK = new RegExp(
  `-----BEGIN ${LABEL}-----\\s+([0-9a-f]{64}) ([0-9a-f]{64})\\s+([A-Za-z0-9+/=]+)\\s+-----END ${LABEL}-----`,
  'g',
);

/** What is signed. */
export const voucherText = (by: string, of: string): string => `remora-fleet-ca-v1\n${by}\n${of}\n`;

export const formatVoucher = ({ by, of, signature }: Voucher): string =>
  `-----BEGIN ${LABEL}-----\n${by} ${of}\n${signature}\n-----END ${LABEL}-----\n`;

/** The vouchers in a text; what is none is left out. */
export const parseVouchers = (text: string): Voucher[] =>
  [...text.matchAll(BLOCK)].map(([, by = '', of = '', signature = '']) => ({ by, of, signature }));
