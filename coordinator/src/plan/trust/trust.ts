import type { TrustingNode } from './trusting-node.ts';

/** A node that connects to a remote cluster by itself, and what came of a handshake with one of its nodes before anything was changed. */
export interface TrustObservation extends TrustingNode {
  readonly remote: string;
  /** Of the connection; the first of several that lead there by the same way. */
  readonly alias: string;
  /** Whether it goes to the nodes themselves, and through no proxy. */
  readonly isDirect: boolean;
  /** It could not be asked, since its agent is away. */
  readonly isAway: boolean;
  /** Why it does not trust what is served there now, or could not be asked; null when it trusts it. */
  readonly problem: string | null;
}
