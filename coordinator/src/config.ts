import { readFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { type Address, formatAddress, parseAddress } from '@remora/shared/model/values/address.ts';
import { parseValidity } from '@remora/shared/model/values/duration.ts';

/** What `remora coordinator` was given; a config file has the same keys in kebab case. */
export interface CoordinatorFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly listen?: string;
  readonly redisUrl?: string;
  readonly publicUrl?: string;
  readonly sealingKey?: string;
  readonly agentCertLife?: string;
}

export interface CoordinatorConfig {
  /** Absolute. */
  readonly dataDir: string;
  readonly listen: Address;
  /** redis:// or rediss://; null for a private Redis in the data directory. */
  readonly redisUrl: string | null;
  /** https://HOST:PORT where agents reach this coordinator. */
  readonly publicUrl: string;
  /** Absolute. */
  readonly sealingKeyFile: string;
  /** How long certificates of agents live, in ms. */
  readonly agentCertificateMs: number;
}

const DEFAULT_LISTEN = '127.0.0.1:8600';
/** A node that was away for months still comes back by itself: agents renew at two thirds of it. */
const DEFAULT_CERT_LIFE = '365d';

const fileKeys: Readonly<Record<string, Exclude<keyof CoordinatorFlags, 'config'>>> = {
  'data-dir': 'dataDir',
  listen: 'listen',
  'redis-url': 'redisUrl',
  'public-url': 'publicUrl',
  'sealing-key': 'sealingKey',
  'agent-cert-life': 'agentCertLife',
};

const refuse = (message: string, hint?: string): never => {
  throw new RemoraError('bad-input', message, hint === undefined ? {} : { hint });
};

/** Reads and checks flags and config file; a flag wins over the file. Throws `bad-input` that names the flag or the key. */
export const readConfig = async (flags: CoordinatorFlags): Promise<CoordinatorConfig> => {
  const fromFile = flags.config === undefined ? {} : await readConfigFile(flags.config);
  const { dataDir, listen, redisUrl, publicUrl, sealingKey, agentCertLife } = { ...fromFile, ...flags };
  const directory = resolve(dataDir ?? defaultDataDir());
  const address = parseListen(listen ?? DEFAULT_LISTEN);
  return {
    dataDir: directory,
    listen: address,
    redisUrl: redisUrl === undefined ? null : checkRedisUrl(redisUrl),
    publicUrl: publicUrl === undefined ? defaultPublicUrl(address) : checkPublicUrl(publicUrl),
    sealingKeyFile: resolve(sealingKey ?? join(directory, 'sealing.key')),
    agentCertificateMs: parseValidity(agentCertLife ?? DEFAULT_CERT_LIFE, '--agent-cert-life'),
  };
};

/** Whether the address means every interface, which is nothing that a client could dial. */
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** The names under which clients reach this coordinator; its certificate has to cover them. */
export const hostsOf = ({ listen, publicUrl }: CoordinatorConfig): string[] => {
  const publicHost = new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  return [...new Set([publicHost, ...(isWildcard(listen.host) ? [hostname()] : [listen.host])])];
};

const defaultDataDir = (): string =>
  process.getuid?.() === 0
    ? '/var/lib/remora'
    : join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'remora');

const defaultPublicUrl = ({ host, port }: Address): string =>
  `https://${formatAddress({ host: isWildcard(host) ? hostname() : host, port })}`;

const parseListen = (text: string): Address => {
  try {
    return parseAddress(text);
  } catch (error) {
    return refuse(`--listen: ${messageOf(error)}`);
  }
};

const checkRedisUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== '') return text;
  // Not quoted: it may hold a password.
  return refuse('--redis-url is not an address of a Redis: write redis://HOST:PORT or rediss://HOST:PORT.');
};

const checkPublicUrl = (text: string): string => {
  const url = URL.canParse(text)
    ? new URL(text)
    : refuse(`--public-url "${text}" is not an address: write https://HOST:PORT.`);
  if (url.protocol !== 'https:') refuse(`--public-url "${text}": agents reach a coordinator by https:// only.`);
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    refuse(`--public-url "${text}" may have a host and a port only: write https://HOST:PORT.`);
  }
  return url.origin;
};

/** Paths in the file are relative to the file. The YAML reader is loaded only here: most starts have no file. */
const readConfigFile = async (path: string): Promise<CoordinatorFlags> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) =>
    refuse(`--config ${path} cannot be read: ${messageOf(error)}.`),
  );
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (error) {
    return refuse(`--config ${path} is not YAML: ${messageOf(error).split('\n')[0] ?? ''}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return refuse(`--config ${path} must hold keys and values: ${Object.keys(fileKeys).join(', ')}.`);
  }
  const pairs = Object.entries(content).map(([key, value]) => readPair(path, key, value));
  return Object.fromEntries(pairs);
};

const readPair = (path: string, key: string, value: unknown): [string, string] => {
  const flag = Object.hasOwn(fileKeys, key) ? fileKeys[key] : undefined;
  if (flag === undefined) {
    return refuse(
      `--config ${path} has the key "${key}", which is not known. Known are ${Object.keys(fileKeys).join(', ')}.`,
    );
  }
  if (typeof value !== 'string' || value === '') return refuse(`--config ${path}: "${key}" takes a text.`);
  const isPath = flag === 'dataDir' || flag === 'sealingKey';
  return [flag, isPath ? resolve(dirname(path), value) : value];
};
