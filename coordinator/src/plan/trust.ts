import type { TrustingNode } from './steps.ts';

/** A node that connects to a remote cluster by itself, and what came of a handshake with one of its nodes before anything was changed. */
export interface TrustObservation extends TrustingNode {
  readonly remote: string;
  /** Why it does not trust what is served there now, or could not be asked; null when it trusts it. */
  readonly problem: string | null;
}
