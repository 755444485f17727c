import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

/** Where the coordinator is and how to log in. */
export interface ClientSettings {
  /** https://HOST:PORT without a path. */
  readonly url: URL;
  readonly token: string;
  /** PEM of the CA to trust; null trusts the system's. */
  readonly caPem: string | null;
}

/** What `remora login` keeps: addresses and paths, never the token itself. */
export interface LoginFile {
  readonly url: string;
  readonly tokenFile: string;
  readonly caFile: string | null;
}

export const loginFilePath = (): string =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'remora', 'client.json');

const refuse = (message: string, hint?: string): never => {
  throw new RemoraError('bad-input', message, hint === undefined ? {} : { hint });
};

const readNamed = async (path: string, meaning: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return refuse(`${meaning} cannot be read: ${messageOf(error)}.`);
  }
};

/** Checks an address of a coordinator; throws `bad-input`. */
const parseCoordinatorUrl = (text: string, from: string): URL => {
  const url = URL.canParse(text)
    ? new URL(text)
    : refuse(`${from} is "${text}", which is not an address: write https://HOST:PORT.`);
  if (url.protocol !== 'https:') refuse(`${from} is "${text}": a coordinator speaks https:// only.`);
  return url;
};

const readLogin = async (): Promise<LoginFile | null> => {
  const path = loginFilePath();
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as Partial<LoginFile>;
    if (typeof value.url !== 'string' || typeof value.tokenFile !== 'string')
      throw new Error('it lacks url or tokenFile');
    return { url: value.url, tokenFile: value.tokenFile, caFile: value.caFile ?? null };
  } catch (error) {
    return refuse(`${path} is damaged: ${messageOf(error)}.`, 'Run `remora login` again.');
  }
};

/** From REMORA_URL, REMORA_TOKEN or REMORA_TOKEN_FILE, and REMORA_CA; what is not set there, from `remora login`. */
export const readClientSettings = async (env: NodeJS.ProcessEnv = process.env): Promise<ClientSettings> => {
  const login = await readLogin();
  const address = env.REMORA_URL || login?.url;
  if (!address) {
    return refuse(
      'There is no coordinator to talk to: REMORA_URL is not set, and `remora login` was not run.',
      'Set REMORA_URL, REMORA_TOKEN_FILE and REMORA_CA, or run `remora login`.',
    );
  }
  const caFile = env.REMORA_CA || login?.caFile;
  return {
    url: parseCoordinatorUrl(address, env.REMORA_URL ? 'REMORA_URL' : loginFilePath()),
    token: await readToken(env, login),
    caPem: caFile ? await readNamed(caFile, `The CA file (REMORA_CA) ${caFile}`) : null,
  };
};

const readToken = async (env: NodeJS.ProcessEnv, login: LoginFile | null): Promise<string> => {
  const file = env.REMORA_TOKEN_FILE || login?.tokenFile;
  const token = env.REMORA_TOKEN || (file ? (await readNamed(file, `The token file ${file}`)).trim() : '');
  if (token === '') {
    throw new RemoraError(
      'not-allowed',
      'There is no token to log in with: neither REMORA_TOKEN nor REMORA_TOKEN_FILE gives one.',
    );
  }
  if (/[^\x21-\x7e]/.test(token)) refuse('The token has blanks or characters that no token has.');
  return token;
};
