import { existsSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { parseNodeName } from '@remora/shared/model/values/names.ts';
import { toolRefusal } from '../keystore/tool.ts';
import { SETTINGS_FILE } from '../operations/settings.ts';
import { readSettings } from '../settings-file/edit.ts';
import { run } from '../system/exec.ts';
import { nodeUrl } from './address.ts';

/** Where Elastic's deb and rpm packages put things ("Directory layout" of their install pages). */
const PACKAGES = { home: '/usr/share/elasticsearch', configDir: '/etc/elasticsearch', unit: 'elasticsearch.service' };

/** What the operator said; all of it optional where the packages' layout or elasticsearch.yml tells. */
export interface NodeOptions {
  readonly name?: string;
  readonly esHome?: string;
  readonly esConfig?: string;
  readonly esUrl?: string;
  readonly esCa?: string;
  readonly systemd?: string;
  readonly start?: string;
  readonly stop?: string;
  readonly owner?: string;
}

const refuse = (message: string, hint?: string): never => {
  throw new RemoraError('bad-input', message, hint === undefined ? {} : { hint });
};

const existingDirectory = async (flag: string, given: string | undefined, packaged: string): Promise<string> => {
  const path = resolve(given ?? packaged);
  try {
    if ((await stat(path)).isDirectory()) return await realpath(path);
  } catch (error) {
    if (given === undefined) return refuse(`${flag} is missing, and there is no ${packaged} as packages make it.`);
    return refuse(`${flag} ${given}: ${messageOf(error)}.`);
  }
  return refuse(`${flag} ${path} is not a directory.`);
};

const readSettingsOf = async (configDir: string) => {
  const stands = join(configDir, SETTINGS_FILE);
  try {
    const settingsFile = await realpath(stands);
    return { settingsFile, settings: readSettings(await readFile(settingsFile, 'utf8')) };
  } catch (error) {
    return refuse(
      `${stands}: ${messageOf(error)}.`,
      'Give the directory that holds elasticsearch.yml with --es-config.',
    );
  }
};

type Settings = Awaited<ReturnType<typeof readSettingsOf>>['settings'];

/** `${HOSTNAME}` is the usual variable in node.name; others are only known to the node's own environment. */
const nodeName = (given: string | undefined, settings: Settings): { name: string; nodeName: string } => {
  const written = settings['node.name'];
  const host = hostname();
  const own = written === undefined || written === null ? host : String(written).replace(/\$\{HOSTNAME\}/g, () => host);
  if (own.includes('${') && given === undefined) {
    return refuse(
      `node.name in elasticsearch.yml is "${own}", whose variable only the node knows.`,
      'Give the name with --name.',
    );
  }
  if (!own.includes('${') && given !== undefined && given !== own) {
    return refuse(
      `--name ${given} is not this node's name: node.name is "${own}".`,
      'Leave --name out: an agent goes by the node.name that its cluster knows.',
    );
  }
  const name = parseNodeName(given ?? own);
  return { name, nodeName: name };
};

const httpCa = async (given: string | undefined, configDir: string, url: string): Promise<string | undefined> => {
  const automatic = join(configDir, 'certs', 'http_ca.crt');
  if (given === undefined) return url.startsWith('https:') && existsSync(automatic) ? automatic : undefined;
  const path = resolve(given);
  const text = await readFile(path, 'utf8').catch((error: unknown) => refuse(`--es-ca ${given}: ${messageOf(error)}.`));
  return text.includes('-----BEGIN CERTIFICATE-----') ? path : refuse(`--es-ca ${given} holds no PEM certificate.`);
};

/** `USER:GROUP`, names or numbers, as chown(1) takes them. */
const ownerOf = async (text: string | undefined): Promise<{ uid: number; gid: number } | undefined> => {
  if (text === undefined) return undefined;
  const [user = '', group = '', ...rest] = text.split(':');
  if (user === '' || group === '' || rest.length > 0) return refuse(`--owner "${text}" is not USER:GROUP.`);
  const id = async (database: 'passwd' | 'group', name: string): Promise<number> => {
    if (/^\d+$/.test(name)) return Number(name);
    const found = (await run('getent', [database, name], { timeoutMs: 10_000 })).stdout.split(':')[2];
    return found
      ? Number(found)
      : refuse(`--owner "${text}": there is no ${database === 'passwd' ? 'user' : 'group'} "${name}" here.`);
  };
  return { uid: await id('passwd', user), gid: await id('group', group) };
};

const serviceOf = (options: NodeOptions): { systemd: string } | { start: string; stop: string } => {
  const { systemd, start, stop } = options;
  if (systemd !== undefined && (start ?? stop) !== undefined)
    return refuse('Give --systemd or --start and --stop, not both.');
  if (systemd !== undefined) return { systemd };
  if (start !== undefined && stop !== undefined) return { start, stop };
  if ((start ?? stop) !== undefined) return refuse('--start and --stop go together.');
  const isPackaged = ['/usr/lib', '/lib', '/etc'].some((root) => existsSync(`${root}/systemd/system/${PACKAGES.unit}`));
  return isPackaged
    ? { systemd: PACKAGES.unit }
    : refuse('Say how the node is started and stopped: --systemd UNIT, or --start CMD and --stop CMD.');
};

/** Finds out where the node is and checks what was said; throws `bad-input`, and changes nothing. */
export const discoverNode = async (options: NodeOptions) => {
  const home = await existingDirectory('--es-home', options.esHome, PACKAGES.home);
  const configDir = await existingDirectory('--es-config', options.esConfig, PACKAGES.configDir);
  const { settingsFile, settings } = await readSettingsOf(configDir);
  const tool = await toolRefusal(home);
  if (tool !== null) return refuse(`--es-home: ${tool}.`);
  const names = nodeName(options.name, settings);
  const url = nodeUrl(options.esUrl, settings);
  const ca = await httpCa(options.esCa, configDir, url);
  const owner = await ownerOf(options.owner);
  const elasticsearch = {
    home,
    configDir,
    settingsFile,
    url,
    ...(ca === undefined ? {} : { ca }),
    ...(owner === undefined ? {} : { owner }),
  };
  return { ...names, elasticsearch, service: serviceOf(options) };
};
