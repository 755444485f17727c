import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @typedef {object} Jdk
 * @property {string} home
 * @property {number} major 17, 21, 25…
 * @property {boolean} hasJdi has the module jdk.jdi, which some trimmed JDKs lack
 */

/**
 * The JDKs of this machine, newest first: JAVA_HOME's, those below /usr/lib/jvm, and the one that PATH's javac belongs to.
 * A JRE (no javac) is none. Nothing is run: each tells what it is in its file `release`.
 * @returns {Jdk[]}
 */
export function findJdks() {
  const homes = new Set([process.env.JAVA_HOME, ...belowUsrLibJvm(), ofJavacOnPath()].filter(Boolean).map(real));
  return [...homes]
    .map(describe)
    .filter((jdk) => jdk !== undefined)
    .sort((a, b) => b.major - a.major);
}

function belowUsrLibJvm() {
  const directory = '/usr/lib/jvm';
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

function ofJavacOnPath() {
  const javac = (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, 'javac'))
    .find(existsSync);
  return javac === undefined ? undefined : dirname(dirname(realpathSync(javac)));
}

function real(path) {
  return existsSync(path) ? realpathSync(path) : path;
}

function describe(home) {
  const release = join(home, 'release');
  if (!existsSync(join(home, 'bin', 'javac')) || !existsSync(release)) return undefined;
  const text = readFileSync(release, 'utf8');
  const major = Number(/^JAVA_VERSION="(?:1\.)?(\d+)/m.exec(text)?.[1]);
  return Number.isNaN(major) ? undefined : { home, major, hasJdi: /^MODULES="[^"]*\bjdk\.jdi\b/m.test(text) };
}
