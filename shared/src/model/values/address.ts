import { RemoraError } from '../../errors.ts';

export interface Address {
  /** A DNS name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

const refuse = (text: string, why: string): never => {
  throw new RemoraError('bad-input', `"${text}" is not an address: ${why}. Write HOST:PORT, or [IPV6]:PORT.`);
};

/** Whether the text is an IPv4 address in dotted form. */
export const isIpv4 = (text: string): boolean => {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
};

/** Whether the text is an IPv6 address (RFC 4291, section 2.2), without brackets or zone. */
export const isIpv6 = (text: string): boolean => {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  // An embedded IPv4 address stands at the very end only (section 2.2, form 3).
  const embedded = last.includes('.');
  if (embedded && !(isIpv4(last) && text.endsWith(last))) return false;
  const hex = embedded ? groups.slice(0, -1) : groups;
  const length = hex.length + (embedded ? 2 : 0);
  return hex.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? length < 8 : length === 8);
};

/** Whether the text is an address of either kind. */
export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

/**
 * The one way to write an IP address that comparisons use (RFC 5952 for IPv6, IPv4-mapped ones in hexadecimal), or null for what is none. Takes IPv6 with or
 * without brackets.
 */
export const canonicalIp = (text: string): string | null => {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (!isIp(bare)) return null;
  return isIpv6(bare) ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare;
};

/** Whether the text can be a host name (RFC 1123), a leading `_` in a label allowed as container networks use it. */
export const isHostName = (text: string): boolean =>
  text.length <= 253 &&
  !/^[\d.]+$/.test(text) &&
  text.split('.').every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(label));

/** Checks a host as an address or a certificate may carry it. */
export const parseHost = (text: string): string =>
  isIp(text) || isHostName(text) ? text : refuse(text, 'that is neither a host name nor an IP address');

/** Reads `HOST:PORT` or `[IPV6]:PORT`; throws `bad-input` that names what is wrong. */
export const parseAddress = (text: string): Address => {
  if (/^[a-z]+:\/\//i.test(text)) return refuse(text, 'it carries a scheme');
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  if (!match) {
    if (text.split(':').length > 2 && !text.startsWith('[')) return refuse(text, 'an IPv6 address stands in brackets');
    return refuse(text, /:/.test(text) ? 'the port is not a number' : 'it has no port');
  }
  const [, bracketed, plain, portText] = match;
  const port = Number(portText);
  if (port < 1 || port > 65535) return refuse(text, `port ${portText} is not between 1 and 65535`);
  if (bracketed !== undefined)
    return isIpv6(bracketed) ? { host: bracketed, port } : refuse(text, `${bracketed} is not an IPv6 address`);
  if (plain === undefined || plain === '') return refuse(text, 'it has no host');
  if (!isIpv4(plain) && !isHostName(plain)) return refuse(text, `${plain} is neither a host name nor an IPv4 address`);
  return { host: plain, port };
};

/** The form that Elasticsearch and URLs take. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Whether the host means the machine itself. */
export const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (isIpv4(bare) && bare.startsWith('127.'));
};

/** Domains below which deployments in Elastic Cloud have their addresses. */
const CLOUD = /\.(cloud\.es\.io|found\.io|foundit\.no|elastic-cloud\.com|elastic\.cloud)$/i;

/** Whether a host is the proxy of a deployment in Elastic Cloud, by its name. */
export const isElasticCloud = (host: string): boolean => CLOUD.test(host);
