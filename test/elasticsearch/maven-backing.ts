import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Jdk } from '../../deploy/setup/java.mjs';
import { classArchiveOf, distribution } from './distribution.ts';
import { type Backing, configDirectory, type NodePlace } from './place.ts';
import { jdkFor } from './versions.ts';

const run = promisify(execFile);

/** Enough for a node with security and a few small indices; the machine that runs the tests may be small. */
const HEAP = '320m';

/** By which variable each program takes options of the JVM. */
export const optionsOf = { elasticsearch: 'ES_JAVA_OPTS', 'elasticsearch-keystore': 'CLI_JAVA_OPTS' } as const;

/** How a JVM writes the archive of its classes as it ends, and how one starts with it. From 25 on the archive has the classes linked already. */
export const archiveOption = ({ major }: Jdk): { write: string; read: string } =>
  major >= 25
    ? { write: '-XX:AOTCacheOutput', read: '-XX:AOTCache' }
    : { write: '-XX:ArchiveClassesAtExit', read: '-XX:SharedArchiveFile' };

/** Nodes are processes of this machine, from the distribution built of Maven Central's jars. */
export const mavenBacking: Backing = {
  /**
   * The cached distribution names no JDK; these wrappers do, and the archives of classes where there are some. -Xlog:disable: the JVM would say at each start
   * that it takes the modules from the command line and not from the archive, and an agent quotes what a node says when it does not start.
   */
  async makeHome(home, version) {
    const cached = await distribution(version);
    const jdk = jdkFor(version);
    await mkdir(join(home, 'bin'), { recursive: true });
    for (const program of ['elasticsearch', 'elasticsearch-keystore'] as const) {
      const archive = classArchiveOf(cached, jdk, program);
      const options = optionsOf[program];
      const ready = `[ -e '${archive}' ] && export ${options}="\${${options}-${archiveOption(jdk).read}=${archive} -Xlog:disable}"\n`;
      const text = `#!/bin/sh\n${ready}ES_JAVA_HOME='${jdk.home}' exec '${cached}/bin/${program}' "$@"\n`;
      await writeFile(join(home, 'bin', program), text, { mode: 0o755 });
    }
  },

  async writeScripts(node) {
    await writeFile(join(node.directory, 'start'), startScript(node), { mode: 0o755 });
    await writeFile(join(node.directory, 'stop'), stopScript(node), { mode: 0o755 });
  },

  async start(node) {
    await run(join(node.directory, 'start'));
  },

  pid(node) {
    const file = join(node.directory, 'pid');
    const pid = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    return pid !== '' && workingDirectory(pid) === node.directory ? Number(pid) : undefined;
  },

  log(node) {
    const file = join(node.directory, 'out.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  },
};

/**
 * Tells a node's process from one that got its pid later; undefined for one that is gone or a zombie. (The command line
 * would not do: it reads as empty while a process is inside execve.)
 */
function workingDirectory(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Both scripts can be run at any time, by anybody, side by side. A pid counts only while it is this node's process. */
function prologue(node: NodePlace): string {
  return `cd ${node.directory} || exit 1
exec 9> lock && flock 9
running() { [ -s pid ] && [ "$(readlink "/proc/$(cat pid)/cwd")" = ${node.directory} ]; }`;
}

function startScript(node: NodePlace): string {
  const environment = [
    `ES_PATH_CONF=${configDirectory(node)}`,
    `ES_LOG_FILE=${node.directory}/out.log`,
    `ES_HEAP=${HEAP}`,
    ...(node.passphraseFile ? [`ES_KEYSTORE_PASSPHRASE_FILE=${node.passphraseFile}`] : []),
  ];
  const inside = node.netns ? `ip netns exec ${node.netns} ` : '';
  return `#!/bin/bash
# Starts ${node.name} as a service manager does: at once, in the background, not twice. Each start is a line in "starts".
${prologue(node)}
running && exit 0
[ -e ../owned ] || { echo "the process that made ${node.name} is gone" >&2; exit 1; }
date +%s.%N >> starts
${inside}env ${environment.join(' ')} ${node.home}/bin/elasticsearch -d -p ${node.directory}/pid < /dev/null >> out.log 2>&1 9>&- || exit
[ -e ../owned ] || kill -9 "$(cat pid)" # the watchdog has been here meanwhile
exit 0
`;
}

function stopScript(node: NodePlace): string {
  return `#!/bin/bash
# Stops ${node.name} and returns when it is gone.
${prologue(node)}
if running; then
  kill "$(cat pid)"
  for _ in $(seq 300); do running || break; sleep 0.1; done
  running && kill -9 "$(cat pid)"
fi
rm -f pid
`;
}
