import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A stand-in for `elasticsearch-keystore` where it matters at which instant of its work something else happens: it keeps entries in a file with the real
 * header, and runs a test's shell scripts on its way. What the real one does is tested with the real one.
 */
export type Entries = Readonly<Record<string, string>>;

const header = (isProtected: boolean): Buffer => {
  const codec = 'elasticsearch.keystore';
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from([codec.length]), Buffer.from(codec), Buffer.alloc(5)]);
  bytes.writeUInt32BE(0x3fd76c17);
  bytes[bytes.length - 1] = isProtected ? 1 : 0;
  return bytes;
};
const HEADER_BYTES = header(false).length;

const pathOf = (configDir: string): string => join(configDir, 'elasticsearch.keystore');

/** Writes a keystore, as somebody else would. The bytes are other after every write, as the real ones are. */
export const writeEntries = (configDir: string, entries: Entries, password = ''): void => {
  const body = JSON.stringify({ nonce: randomUUID(), password, entries });
  writeFileSync(`${pathOf(configDir)}.new`, Buffer.concat([header(password !== ''), Buffer.from(body)]));
  renameSync(`${pathOf(configDir)}.new`, pathOf(configDir));
};

const read = (configDir: string): { password: string; entries: Entries } =>
  existsSync(pathOf(configDir))
    ? JSON.parse(readFileSync(pathOf(configDir)).subarray(HEADER_BYTES).toString())
    : { password: '', entries: {} };

export const readEntries = (configDir: string): Entries => read(configDir).entries;

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
  const { password, entries } = read(configDir);
  const lines = readFileSync(0, 'utf8').split('\n');
  if (password !== '' && lines.shift() !== password) {
    process.stderr.write('Provided keystore password was incorrect\n');
    return 65;
  }
  if (command === 'list') process.stdout.write(`${Object.keys(entries).join('\n')}\n`);
  if (command === 'list') reached('listed');
  if (command === 'show') process.stdout.write(`${entries[names[0] ?? '']}\n`);
  if (command === 'add' || command === 'remove') {
    reached('writing');
    const after = Object.fromEntries(Object.entries(entries).filter(([name]) => !names.includes(name)));
    if (command === 'add') Object.assign(after, Object.fromEntries(names.map((name, index) => [name, lines[index]])));
    writeEntries(configDir, after, password);
    reached('written');
  }
  return 0;
};

if (import.meta.main) {
  const [home = '', command, ...args] = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith('-'));
  process.exitCode = run(home, command, names, process.env.ES_PATH_CONF ?? '');
}
