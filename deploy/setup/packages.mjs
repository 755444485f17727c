import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { findJdks } from './java.mjs';
import { withLock } from './lock.mjs';
import { runLogged } from './logged.mjs';
import { inClone } from './place.mjs';
import { SetupError, say } from './say.mjs';

/** Elasticsearch 8.19 runs on it; what 9.x needs beyond is judged in test/elasticsearch/versions.ts. */
const OLDEST_JDK = 17;

/** What is needed: how to see that it is there, and the Debian packages that bring it (the first that apt has). */
const NEEDS = {
  redis: { packages: ['redis-server'], there: () => command('redis-server') },
  jdk: {
    packages: ['openjdk-25-jdk-headless', 'openjdk-21-jdk-headless', 'openjdk-17-jdk-headless'],
    there: () => findJdks().some((jdk) => jdk.major >= OLDEST_JDK),
  },
  maven: { packages: ['maven'], there: () => command('mvn') },
  openssl: { packages: ['openssl'], there: () => command('openssl') },
  unzip: { packages: ['unzip'], there: () => command('unzip') },
  iproute: { packages: ['iproute2'], there: () => command('ip') },
  acl: { packages: ['acl'], there: () => command('setfacl') },
  shellcheck: { packages: ['shellcheck'], there: () => command('shellcheck') },
};

/**
 * Installs what is missing of `names` with apt-get.
 * @param {(keyof typeof NEEDS)[]} names
 * @throws {SetupError} where it may not, or can't
 */
export async function ensurePackages(names) {
  if (missing(names).length === 0) return;
  await withLock('apt', 'apt-get', async () => {
    const needs = missing(names);
    if (needs.length > 0) await install(needs.map((name) => NEEDS[name].packages));
    const still = missing(names);
    if (still.length > 0)
      throw new SetupError(`apt-get went through, and still there is no ${still.join(', no ')} here.`);
  });
}

/** @param {string[][]} choices */
async function install(choices) {
  const wanted = choices.map((packages) => packages.join('|'));
  const byHand = `install it yourself: apt-get install -y ${choices.map((packages) => packages.at(-1)).join(' ')}`;
  if (!command('apt-get')) {
    throw new SetupError(
      `${wanted.join(', ')} is missing and this is no Debian (no apt-get): install it and try again.`,
    );
  }
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (sudo.length > 0 && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    throw new SetupError(
      `${wanted.join(', ')} is missing and this user may not install it (not root, no sudo without a password): ${byHand.replace('apt-get', 'sudo apt-get')}`,
    );
  }
  say(`installing ${wanted.map((packages) => packages.replaceAll('|', ' or ')).join(', ')} (apt-get)`);
  await runLogged('apt-get', [...sudo, 'sh', inClone('deploy', 'setup', 'install-packages.sh'), ...wanted], byHand);
}

/** @param {(keyof typeof NEEDS)[]} names */
function missing(names) {
  return names.filter((name) => !NEEDS[name].there());
}

/** Also where Debian has it and an unprivileged user's PATH does not. @param {string} name */
function command(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => executable(join(folder, name)));
}

/** @param {string} path */
function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path);
  } catch {
    return false;
  }
}
