import { formatAddress } from '@remora/shared/model/values/address.ts';
import type { ProxyWay } from '../trust/trusting-node.ts';

/** A published address reads `ADDRESS:PORT`, or `NAME/ADDRESS:PORT` where the host has a name. */
export const publishedParts = (published: string): { readonly names: readonly string[]; readonly port: number } => {
  const [, hosts = '', port = ''] = /^(.*):(\d+)$/.exec(published) ?? [];
  return { names: hosts.split('/').map((host) => host.replace(/^\[|\]$/g, '')), port: Number(port) };
};

/** The name by which Elasticsearch dials a published address: where one stands before it, it compares certificates with that, and not with the address. */
export const dialledName = (published: string): string => publishedParts(published).names[0] ?? '';

/** The address of a published one, with its port: what sniffing clients connect to, whatever name stands before it. */
export const publishedAddress = (published: string): string => published.replace(/^.*\//, '');

/** Where a node connects to, and the name that it holds the certificate there to; null where it asks by the address alone. */
export interface DialTarget {
  /** `HOST:PORT` */
  readonly address: string;
  readonly serverName: string | null;
}

/** A node, by what it publishes. */
export const dialTarget = (published: string): DialTarget => ({
  address: publishedAddress(published),
  serverName: dialledName(published),
});

export const proxyTarget = ({ address, serverName }: ProxyWay): DialTarget => ({
  address: formatAddress(address),
  serverName,
});
