import { networkInterfaces } from 'node:os';
import { RemoraError } from '@remora/shared/errors.ts';
import { formatAddress, isLoopback } from '@remora/shared/model/values/address.ts';
import type { SettingValue } from '@remora/shared/settings.ts';

/** Where this node's HTTP is, as elasticsearch.yml and the operator say it. */
type Settings = Readonly<Record<string, SettingValue | null>>;

const EXAMPLE = 'for example https://localhost:9200';

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('bad-input', message, { hint });
};

/** Addresses of this machine's interfaces, of one of them, or of those that Elasticsearch calls site-local. */
const interfaceAddresses = (matches: (name: string, address: string) => boolean = () => true): string[] =>
  Object.entries(networkInterfaces()).flatMap(([name, entries]) =>
    (entries ?? []).map(({ address }) => address).filter((address) => matches(name, address)),
  );

/** Whether a URL's host is this machine itself: what is sent there in clear crosses no network. A name but `localhost` may be another machine tomorrow. */
export const isOwnAddress = (host: string): boolean =>
  isLoopback(host) || interfaceAddresses().includes(host.replace(/^\[|\]$/g, ''));

/** What Elasticsearch's HTTP server is bound to: the first of these that is set (reference, "Networking settings"). */
const BIND_SETTINGS = ['http.bind_host', 'http.host', 'network.bind_host', 'network.host'];

const listOf = (value: SettingValue | null | undefined): string[] =>
  (Array.isArray(value) ? value.map(String) : String(value ?? '').split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');

const IS_LOCALHOST = /^(_local(:ipv[46])?_|localhost|0\.0\.0\.0|\[?::\]?)$/;
const IS_SITE_LOCAL = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/;

/** Hosts at which one bound address can be reached; none where only the node knows (`_ec2_`, `${VARIABLE}`). */
const hostsOf = (bound: string): string[] => {
  if (IS_LOCALHOST.test(bound)) return ['localhost'];
  if (bound.includes('${')) return [];
  const special = /^_(.+?)(:ipv[46])?_$/.exec(bound);
  if (special === null) return [bound.replace(/^\[|\]$/g, '')];
  const [, name, family] = special;
  return interfaceAddresses((interfaceName, address) =>
    name === 'site' ? IS_SITE_LOCAL.test(address) : interfaceName === name,
  ).filter(
    (address) => !/^fe80:/i.test(address) && (family === undefined || address.includes(':') === /6$/.test(family)),
  );
};

const hostOf = (settings: Settings): string => {
  const name = BIND_SETTINGS.find((setting) => listOf(settings[setting]).length > 0);
  if (name === undefined) return 'localhost';
  const hosts = listOf(settings[name]).flatMap(hostsOf);
  const host = hosts.includes('localhost') ? 'localhost' : hosts[0];
  return (
    host ??
    refuse(
      `From ${name}: ${settings[name]} the node's HTTP address cannot be told.`,
      `Give it with --es-url, ${EXAMPLE}.`,
    )
  );
};

/** `http.port` may be a range, of which Elasticsearch takes the first that is free. */
const portOf = (settings: Settings): number => {
  const written = String(settings['http.port'] ?? 9200);
  const port = /^\d+(?=$|[-,])/.exec(written.trim())?.[0];
  return port !== undefined && Number(port) > 0 && Number(port) < 65_536
    ? Number(port)
    : refuse(
        `From http.port: ${written} the node's HTTP address cannot be told.`,
        `Give it with --es-url, ${EXAMPLE}.`,
      );
};

const checked = (text: string, from: string): string => {
  const url = URL.canParse(text)
    ? new URL(text)
    : refuse(`${from} "${text}" is not a URL.`, `Give the node's HTTP address with --es-url, ${EXAMPLE}.`);
  if (!/^https?:$/.test(url.protocol))
    return refuse(`${from} "${text}" is neither http nor https.`, `Give ${EXAMPLE}.`);
  if (url.username !== '' || url.pathname !== '/')
    return refuse(`${from} has a user, a password or a path.`, 'Give only scheme, host and port.');
  if (url.protocol === 'http:' && !isOwnAddress(url.hostname)) {
    return refuse(
      `${from} "${text}" would send the cluster's password over the network in clear.`,
      'Give with --es-url an https URL, or an address of this machine itself (localhost, or one of its interfaces as a number): http://127.0.0.1:9200.',
    );
  }
  return text.replace(/\/+$/, '');
};

/** The node's own HTTP address: the operator's `--es-url`, else where elasticsearch.yml binds HTTP to. Throws `bad-input`. */
export const nodeUrl = (given: string | undefined, settings: Settings): string => {
  if (given !== undefined) return checked(given, '--es-url');
  const scheme = String(settings['xpack.security.http.ssl.enabled']) === 'true' ? 'https' : 'http';
  const address = formatAddress({ host: hostOf(settings), port: portOf(settings) });
  return checked(`${scheme}://${address}`, 'The HTTP address of elasticsearch.yml');
};
