import { isIP, isIPv6 } from 'node:net';

/**
 * The one way to write an IP address that comparisons use (RFC 5952 for IPv6, IPv4-mapped ones in hexadecimal), or null for what is none. Takes IPv6 with or
 * without brackets.
 */
export const canonicalIp = (text: string): string | null => {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) === 0 || bare.includes('%')) return null;
  return isIPv6(bare) ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare;
};
