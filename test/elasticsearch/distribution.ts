import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Jdk } from '../../deploy/setup/java.mjs';
import { jdkFor, type Version } from './versions.ts';

const run = promisify(execFile);
const recipe = join(import.meta.dirname, 'recipe');

/**
 * The ES_HOME of `version`, built from Maven Central when the cache has none made by this very recipe. The cache is
 * outside the clone: `$REMORA_CACHE`, else `$XDG_CACHE_HOME/remora`, else `~/.cache/remora`. Building takes 15 s to some
 * minutes; two builders at once don't disturb each other, since the folder appears complete or not at all.
 * @param onBuild called before a build
 * @throws with the end of Maven's output and the path of the whole of it
 */
export async function distribution(version: Version, onBuild: () => void = () => undefined): Promise<string> {
  const folder = cacheFolder();
  const home = join(folder, `${version}-${await recipeHash()}`);
  if (existsSync(home)) return home;
  onBuild();
  await mkdir(folder, { recursive: true });
  const building = await mkdtemp(join(folder, `building-${version}-`));
  try {
    await build(version, building, `${home}.log`);
    await rename(building, home).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // somebody else was faster
    });
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return home;
}

/** Where the classes that a program of a distribution loads lie ready for this JDK, once `archiveClasses` has made it. */
export const classArchiveOf = (home: string, jdk: Jdk, program: 'elasticsearch' | 'elasticsearch-keystore'): string =>
  `${home}-jdk${jdk.major}-${program}.jsa`;

function cacheFolder(): string {
  const { REMORA_CACHE, XDG_CACHE_HOME } = process.env;
  return join(REMORA_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'remora'), 'elasticsearch');
}

async function recipeHash(): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(recipe, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(`${relative(recipe, file)}\0`).update(await readFile(file));
  return hash.digest('hex').slice(0, 12);
}

async function build(version: Version, home: string, log: string): Promise<void> {
  const env = { ...process.env, JAVA_HOME: jdkFor(version).home };
  try {
    await run(join(recipe, 'build.sh'), [version, home], { env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    const output = `${stdout ?? ''}${stderr ?? String(error)}`;
    await writeFile(log, output);
    const errors = output.split('\n').filter((line) => line.includes('[ERROR]') || line.includes('error:'));
    throw new Error(
      `Building Elasticsearch ${version} from Maven Central failed: ${errors[0] ?? output.trim().slice(-300)}\n` +
        `Its whole output is in ${log}. Is Maven Central reachable from here (~/.m2/settings.xml for a mirror)?`,
    );
  }
}
