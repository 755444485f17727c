import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { messageOf } from '@remora/shared/errors.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { certificatesIn, publicKeyDigestIn } from '../node/certificate-facts.ts';
import { trustedNamesIn } from '../node/trust-restrictions.ts';
import { readSettings } from '../settings-file/edit.ts';
import { isSecretName } from '../settings-file/secret-names.ts';
import { digestOf, isMissing } from '../system/durable-file.ts';
import { freeBytes } from '../system/mounts.ts';
import { pidOf, startedAtMs } from '../system/process-table.ts';
import { AGENT_VERSION } from '../version.ts';
import { directoriesRefusal } from './config-dir.ts';
import { mountRefusal } from './plan-paths.ts';
import { secretValue } from './secret-value.ts';
import { readSettingsFile, textOf } from './settings.ts';

type Input = OperationInput<'inspect'>;

const matcher = (patterns: readonly string[]) => {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (name: string): boolean =>
    !isSecretName(name) && (exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix)));
};

const settingsFacts = async (context: AgentContext, wanted: readonly string[]): Promise<NodeFacts['settingsFile']> => {
  const path = context.config.elasticsearch.settingsFile;
  const nothing = { path, digest: null, modifiedAtMs: null, values: {} };
  try {
    const { bytes, state } = await readSettingsFile(context);
    const facts = { ...nothing, digest: state.digest, modifiedAtMs: Math.round((await stat(path)).mtimeMs) };
    try {
      const matches = matcher(wanted);
      const values = Object.entries(readSettings(textOf(bytes)))
        .filter(([name]) => matches(name))
        .map(([name, value]) => [name, typeof value === 'object' && value !== null ? [...value] : value] as const);
      return { ...facts, values: Object.fromEntries(values), refusal: null };
    } catch (error) {
      return { ...facts, refusal: messageOf(error) };
    }
  } catch (error) {
    return { ...nothing, refusal: messageOf(error) };
  }
};

const notAsked: NodeFacts['keystore'] = {
  ...{ exists: false, digest: null, passwordProtected: false, entries: null },
  refusal: 'The keystore was not to be looked at.',
};

const keystoreFacts = (context: AgentContext, input: Input): Promise<NodeFacts['keystore']> =>
  context.keystore.exclusive(async () => {
    const { keystore } = context;
    const nothing = { exists: true, digest: null, passwordProtected: false, entries: null };
    try {
      const digest = await keystore.digest();
      if (digest === null) return { ...nothing, exists: false, entries: [], refusal: null };
      const passwordProtected = await keystore.passwordProtected();
      try {
        const password = input.keystorePassword && secretValue(input.keystorePassword, 'The password of the keystore');
        const { names, entries } = await keystore.look(password);
        const facts = names.map((name) => ({
          name,
          reference: entries[name]?.reference ?? null,
          writtenAtMs: entries[name]?.writtenAtMs ?? null,
        }));
        return { exists: true, digest: await keystore.digest(), passwordProtected, entries: facts, refusal: null };
      } catch (error) {
        return { ...nothing, digest, passwordProtected, refusal: messageOf(error) };
      }
    } catch (error) {
      return { ...nothing, refusal: messageOf(error) };
    }
  });

/** Larger files are no certificates or keys; they are described without being read. */
const MAX_FILE_BYTES = 1024 * 1024;

const fileFacts = async (context: AgentContext, path: string, judge?: boolean): Promise<NodeFacts['files'][number]> => {
  const nothing = { path, digest: null, source: null, modifiedAtMs: null, certificates: [] };
  try {
    const real = await realpath(resolve(context.config.elasticsearch.configDir, path));
    const { mtimeMs, size } = await stat(real);
    if (size > MAX_FILE_BYTES) return { ...nothing, modifiedAtMs: Math.round(mtimeMs), realPath: real };
    const bytes = await readFile(real);
    const digest = digestOf(bytes);
    const text = bytes.toString('latin1');
    const trustedNames = judge && /\.ya?ml$/.test(path) ? trustedNamesIn(bytes.toString('utf8')) : undefined;
    const publicKeyDigest = judge ? publicKeyDigestIn(text) : undefined;
    return {
      ...{ path, digest, realPath: real },
      source: context.ledger.sourceOf(real, digest),
      modifiedAtMs: Math.round(mtimeMs),
      certificates: certificatesIn(text, judge),
      ...(publicKeyDigest === undefined ? {} : { publicKeyDigest }),
      ...(trustedNames === undefined ? {} : { trustedNames }),
    };
  } catch (error) {
    if (!isMissing(error)) context.log('warn', `the file ${path} cannot be inspected: ${messageOf(error)}`);
    return nothing;
  }
};

const hostAddresses = (): string[] => {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const outer = all.filter(({ internal, address }) => !internal && !/^(169\.254\.|fe80:)/i.test(address));
  return (outer.length > 0 ? outer : all).map(({ address }) => address);
};

const attempt = (read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return '';
  }
};

/**
 * The same for agents that share a host's ports, other otherwise: the boot and the network namespace. Not /etc/machine-id: clones share it, and
 * containers of one host have their own or none.
 */
const machineId = (): string =>
  digestOf(
    [
      attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
      attempt(() => readlinkSync('/proc/self/ns/net')),
    ].join('\n'),
  ).slice(0, 32);

const processFacts = async (context: AgentContext): Promise<NodeFacts['process']> => {
  const identity = await context.node.current();
  return identity === null
    ? { running: false, pid: null, identity: null, startedAtMs: null }
    : { running: true, pid: pidOf(identity), identity, startedAtMs: startedAtMs(identity) };
};

/** Why a step could not write this node's configuration, as a sentence; null when it can. */
const writeRefusal = async (context: AgentContext): Promise<string | null> => {
  const { configDir, settingsFile } = context.config.elasticsearch;
  // elasticsearch.yml may be a symlink: then it is written elsewhere.
  const refusal = await directoriesRefusal([configDir, dirname(settingsFile)]);
  return refusal ?? mountRefusal(settingsFile) ?? mountRefusal(context.keystore.path);
};

/** Facts of this node. What cannot be read is said in its `refusal`; the rest is answered all the same. */
export const inspect = async (input: Input, context: AgentContext): Promise<NodeFacts> => {
  const { configDir } = context.config.elasticsearch;
  const [settingsFile, keystore, files, processState, refusal, free] = await Promise.all([
    settingsFacts(context, input.settings),
    input.keystore === false ? notAsked : keystoreFacts(context, input),
    Promise.all(input.files.map((path) => fileFacts(context, path, input.judge))),
    processFacts(context),
    writeRefusal(context),
    freeBytes(context.directory.path),
  ]);
  return {
    agent: {
      version: AGENT_VERSION,
      pid: process.pid,
      clockMs: Date.now(),
      fence: context.fence.highest(),
      openDelivery: context.openDelivery.id,
      freeBytes: free,
    },
    host: { hostname: hostname(), addresses: hostAddresses(), machineId: machineId() },
    process: processState,
    settingsFile,
    keystore,
    files,
    configDirRefusal: refusal,
    configDir,
  };
};
