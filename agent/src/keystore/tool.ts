import { access, constants, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentConfig } from '../checks.ts';
import { lastLines } from '../node/start-failure.ts';
import { isMissing } from '../system/durable-file.ts';
import { type Ended, run, spawnDetached } from '../system/exec.ts';

/**
 * `elasticsearch-keystore` (Elastic's reference, "elasticsearch-keystore"). Values and the keystore's password go to its stdin, line by line; they are
 * never in its arguments, environment or log. Always `-x -f`: without `-f` the real command prints the secret to stderr when the name exists.
 */
const TOOL_LIMIT_MS = 5 * 60_000;
/** KeyStoreWrapper's own temporary file. Its name is fixed, and one that is left over makes the next write fail. */
export const TOOL_TEMPORARY = 'elasticsearch.keystore.tmp';
export const KEYSTORE = 'elasticsearch.keystore';

export interface KeystoreTool {
  readonly path: string;
  /** Names of the entries. Rejects with `keystore-password` when the password is missing or wrong. */
  list(password: string | undefined): Promise<string[]>;
  /** The value of an entry; null when it cannot be read. */
  show(name: string, password: string | undefined): Promise<string | null>;
  /** Adds all entries in one call. `logFile` gets what the tool says, and is how a crash of the agent finds the tool again. */
  add(
    entries: readonly { name: string; value: string }[],
    password: string | undefined,
    logFile: string,
  ): Promise<void>;
  remove(names: readonly string[], password: string | undefined, logFile: string): Promise<void>;
}

const withoutPrompt = (output: string): string =>
  output.replace(/Enter password for the elasticsearch keystore : ?/g, '').replace(/^\s*\n/, '');

const isWrongPassword = (said: string): boolean =>
  /password was incorrect|Keystore has been corrupted or tampered/i.test(said);

/**
 * Whom to run the tool as. It refuses to replace a file of another owner ("will not overwrite keystore … because this incurs changing the file owner"),
 * and Elasticsearch's directory may be writable for its user: root does not run programs from there when the file belongs to that user.
 */
const runAs = async (config: AgentConfig): Promise<{ uid?: number; gid?: number }> => {
  if (process.geteuid?.() !== 0) return {};
  const { configDir, settingsFile, owner } = config.elasticsearch;
  const existing = await stat(join(configDir, KEYSTORE)).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  const { uid, gid } = existing ?? owner ?? (await stat(settingsFile));
  return uid === 0 ? {} : { uid, gid };
};

/** The end of what the tool said, unless any line of its input appears in it in whatever case: its terminal echoes input in some failures. */
const safeWords = async (logFile: string, stdin: string): Promise<string> => {
  const said = (await readFile(logFile, 'utf8').catch(() => '')).trim();
  const secrets = stdin
    .toLowerCase()
    .split('\n')
    .filter((line) => line !== '');
  if (said === '' || secrets.some((secret) => said.toLowerCase().includes(secret))) return '';
  return ` It said: ${lastLines(said)}`;
};

const input = (password: string | undefined, values: readonly string[]): string =>
  [...(password === undefined ? [] : [password]), ...values].map((line) => `${line}\n`).join('');

/** Ends the tool with all that it started: detached, it leads a process group of its own. */
const endGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just gone.
  }
};

export const keystoreTool = (config: AgentConfig, limitMs = TOOL_LIMIT_MS): KeystoreTool => {
  const path = join(config.elasticsearch.home, 'bin', 'elasticsearch-keystore');
  const env = { ES_PATH_CONF: config.elasticsearch.configDir };
  const read = async (args: readonly string[], password: string | undefined): Promise<Ended> =>
    run(path, args, { env, ...(await runAs(config)), input: input(password, []), timeoutMs: limitMs });
  const write = async (args: readonly string[], stdin: string, logFile: string): Promise<void> => {
    const child = spawnDetached(path, args, { env, ...(await runAs(config)), input: stdin, logFile });
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      endGroup(child.pid);
    }, limitMs);
    const { code, why } = await child.ended;
    clearTimeout(limit);
    if (code === 0) return;
    const said = await safeWords(logFile, stdin);
    const what = isLate ? `was ended, since it still ran after ${Math.round(limitMs / 1000)} s` : why;
    throw new RemoraError('step-failed', `${path} ${args[0]} ${what}.${said}`, {
      hint: `Run it by hand as the owner of ${join(config.elasticsearch.configDir, KEYSTORE)} to see why.`,
    });
  };
  return {
    path,
    async list(password) {
      const ended = await read(['list'], password);
      if (ended.code === 0) {
        return withoutPrompt(ended.stdout)
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== '');
      }
      if (isWrongPassword(`${ended.stdout}${ended.stderr}`) || (password === undefined && ended.code === 65)) {
        throw new RemoraError(
          'keystore-password',
          `The password for the keystore of ${config.name} (${join(config.elasticsearch.configDir, KEYSTORE)}) is wrong.`,
        );
      }
      throw new RemoraError(
        'step-failed',
        `${path} list ended with ${ended.code ?? 'no exit code'}: ${ended.stderr.trim().split('\n').slice(-3).join(' ')}`,
      );
    },
    async show(name, password) {
      const ended = await read(['show', name], password);
      return ended.code === 0 ? withoutPrompt(ended.stdout).replace(/\r?\n$/, '') : null;
    },
    add: (entries, password, logFile) =>
      write(
        ['add', '-x', '-f', ...entries.map(({ name }) => name)],
        input(
          password,
          entries.map(({ value }) => value),
        ),
        logFile,
      ),
    remove: (names, password, logFile) => write(['remove', ...names], input(password, []), logFile),
  };
};

/** Why the tool cannot be used, null when it can. */
export const toolRefusal = async (home: string): Promise<string | null> => {
  const path = join(home, 'bin', 'elasticsearch-keystore');
  return access(path, constants.X_OK).then(
    () => null,
    () => `${path} is not there or cannot be executed`,
  );
};
