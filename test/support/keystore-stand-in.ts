import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entries, isProtected, readEntries, writeEntries } from './keystore-file.ts';

/**
 * A stand-in for `elasticsearch-keystore` where it matters at which instant of its work something else happens: it has the interface of the real
 * one as far as the agent uses it, and runs a test's shell scripts on its way. What the real one does is tested with the real one.
 */

/** Moments of the tool's work: after it has listed, before and after it has written. */
type Moment = 'listed' | 'writing' | 'written';

export interface KeystoreHome extends AsyncDisposable {
  readonly path: string;
  /** A shell script that the tool runs at that moment, once; in it $ES_PATH_CONF is the configuration directory. */
  at(moment: Moment, script: string): Promise<void>;
}

/** An ES_HOME with the stand-in in it. `preamble` comes first in its wrapper. */
export const keystoreHome = async (preamble = ''): Promise<KeystoreHome> => {
  const path = await mkdtemp(join(tmpdir(), 'remora-home-'));
  await mkdir(join(path, 'bin'));
  const wrapper = `#!/bin/sh\n${preamble}\nexec ${process.execPath} ${import.meta.filename} ${path} "$@"\n`;
  await writeFile(join(path, 'bin/elasticsearch-keystore'), wrapper, { mode: 0o755 });
  return {
    path,
    at: (moment, script) => writeFile(join(path, moment), script),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
};

const run = (home: string, command: string | undefined, names: readonly string[], configDir: string): number => {
  const reached = (moment: Moment): void => {
    const script = join(home, moment);
    if (!existsSync(script)) return;
    renameSync(script, `${script}.run`);
    execFileSync('sh', [`${script}.run`], { stdio: 'ignore' });
  };
  const lines = readFileSync(0, 'utf8').split('\n');
  const password = isProtected(configDir) ? lines.shift() : undefined;
  let entries: Entries;
  try {
    entries = readEntries(configDir, password);
  } catch {
    process.stderr.write('Provided keystore password was incorrect\n');
    return 65;
  }
  const value = entries[names[0] ?? ''];
  switch (command) {
    case 'list':
      process.stdout.write(`${Object.keys(entries).join('\n')}\n`);
      reached('listed');
      return 0;
    case 'show':
      if (value !== undefined) process.stdout.write(`${value}\n`);
      return value === undefined ? 78 : 0;
    case 'add':
    case 'remove': {
      reached('writing');
      const after = Object.fromEntries(Object.entries(entries).filter(([name]) => !names.includes(name)));
      if (command === 'add') Object.assign(after, Object.fromEntries(names.map((name, index) => [name, lines[index]])));
      writeEntries(configDir, after, password);
      reached('written');
      return 0;
    }
    default:
      process.stderr.write(`the stand-in does not know ${command}\n`);
      return 64;
  }
};

if (import.meta.main) {
  const [home = '', command, ...args] = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith('-'));
  process.exitCode = run(home, command, names, process.env.ES_PATH_CONF ?? '');
}
