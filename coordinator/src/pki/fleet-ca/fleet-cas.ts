import { formatVoucher } from '@remora/shared/protocol/vouchers.ts';
import type { FleetCa } from './fleet-ca.ts';

/** Who signs for the fleet and whom it trusts: one CA, or two while the one is taking the place of the other. */
export interface FleetCaState {
  /** Certificates of these are accepted, and agents are to trust them. The one whose key is `fleet-ca.key` comes first. */
  readonly trusted: readonly FleetCa[];
  /** Signs what is issued from now on. */
  readonly signing: FleetCa;
  /** The one that will be left; join tokens name it. */
  readonly lasting: FleetCa;
}

export interface FleetCas {
  state(): FleetCaState;
  /** From now on it is so. */
  become(state: FleetCaState): void;
  /** The fleet has other CAs, which this coordinator does not have: until it becomes what it should, it tells no agent whom to trust. */
  fallBehind(): void;
  isBehind(): boolean;
  /** The trusted certificates, PEM. */
  bundle(): string;
  /** What each of them says of the others, see shared/src/protocol/vouchers.ts; empty for one. */
  vouchers(): string;
  /** The certificates and these words, for agents that join. */
  vouchedBundle(): string;
}

export const soleFleetCa = (ca: FleetCa): FleetCaState => ({ trusted: [ca], signing: ca, lasting: ca });

export const openFleetCas = (first: FleetCaState): FleetCas => {
  let state = first;
  const bundle = (): string => state.trusted.map(({ certificatePem }) => `${certificatePem.trim()}\n`).join('');
  const sign = (): string =>
    state.trusted
      .flatMap((by) =>
        state.trusted
          .filter((of) => of !== by)
          .map((of) =>
            formatVoucher({
              ...{ by: by.fingerprint256, of: of.fingerprint256 },
              signature: by.vouchFor(of.fingerprint256),
            }),
          ),
      )
      .join('');
  let signed: string | null = null;
  let behind = false;
  const vouchers = (): string => {
    signed ??= sign();
    return signed;
  };
  return {
    state: () => state,
    become(next) {
      state = next;
      signed = null;
      behind = false;
    },
    fallBehind() {
      behind = true;
    },
    isBehind: () => behind,
    bundle,
    vouchers,
    vouchedBundle: () => bundle() + vouchers(),
  };
};
