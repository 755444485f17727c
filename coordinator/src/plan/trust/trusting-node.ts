import type { Address } from '@remora/shared/model/values/address.ts';
import type { NodeId } from '../node/node-id.ts';

/** A node that connects to remote clusters, with the CA files that its elasticsearch.yml names for that. */
export interface TrustingNode extends NodeId {
  readonly certificateAuthorities: readonly string[];
}

/** What local nodes connect through to a remote cluster. */
export interface ProxyWay {
  readonly address: Address;
  /** The name that they ask for, where one is configured. */
  readonly serverName: string | null;
}
