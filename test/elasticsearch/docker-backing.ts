import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GenericContainer, Wait } from 'testcontainers';
import { type Backing, configDirectory, type NodePlace } from './place.ts';
import type { Version } from './versions.ts';

const run = promisify(execFile);

/** What the image's entry point runs as when it is root: Elasticsearch refuses to. */
const IMAGE_USER = 1000;

/**
 * Nodes are containers of the official image, on the host's network and with the cluster's directory mounted at the very
 * path that it has here, so that agents, paths in elasticsearch.yml and certificates are as with nodes of this machine.
 * testcontainers ends the containers when this process dies; the watchdog does, too.
 */
export const dockerBacking: Backing = {
  /** The keystore tool runs in a container of its own, as whoever owns the config directory: it refuses to change a keystore's owner. */
  async makeHome(home, version) {
    const directory = dirname(home);
    await mkdir(join(home, 'bin'), { recursive: true });
    const text = `#!/bin/sh
exec docker run --rm -i --network none --user "$(stat -c %u:%g "$ES_PATH_CONF")" --group-add 0 -e ES_PATH_CONF -v ${directory}:${directory} \\
  --entrypoint /usr/share/elasticsearch/bin/elasticsearch-keystore ${image(version)} "$@"
`;
    await writeFile(join(home, 'bin', 'elasticsearch-keystore'), text, { mode: 0o755 });
  },

  async writeScripts(node) {
    if (node.netns !== undefined) throw new Error(`${node.name}: with Docker a node can't run in a network namespace.`);
    const name = containerName(node);
    const running = `[ "$(docker inspect -f '{{.State.Running}}' ${name} 2> /dev/null)" = true ]`;
    const start = `${running} && exit 0\ndate +%s.%N >> ${node.directory}/starts\nexec docker start ${name} > /dev/null`;
    const stop = `${running} || exit 0\nexec docker stop -t 30 ${name} > /dev/null`;
    await writeFile(join(node.directory, 'start'), `#!/bin/sh\n${start}\n`, { mode: 0o755 });
    await writeFile(join(node.directory, 'stop'), `#!/bin/sh\n${stop}\n`, { mode: 0o755 });
    await writeFile(join(configDirectory(node), 'jvm.options'), '-Xms512m\n-Xmx512m\n');
  },

  async start(node, version) {
    if (existsSync(join(node.directory, 'container'))) await run(join(node.directory, 'start'));
    else await createContainer(node, version);
  },

  pid(node) {
    const pid = Number(docker(['inspect', '-f', '{{.State.Pid}}', containerName(node)]).trim());
    return pid > 0 ? pid : undefined;
  },

  log(node) {
    return docker(['logs', containerName(node)]);
  },
};

const image = (version: Version) => `docker.elastic.co/elasticsearch/elasticsearch:${version}`;

/** The cluster's directory has a name of its own, so node names need not be unique on this machine. */
const containerName = (node: NodePlace) => `${basename(dirname(node.directory))}-${node.name}`;

async function createContainer(node: NodePlace, version: Version): Promise<void> {
  const directory = dirname(node.directory);
  const user = process.getuid?.() || IMAGE_USER;
  await mkdir(join(node.directory, 'data'), { recursive: true });
  if (process.getuid?.() === 0) await run('chown', ['-R', `${IMAGE_USER}:0`, directory]);
  await writeFile(join(node.directory, 'container'), containerName(node));
  await appendFile(join(node.directory, 'starts'), `${Date.now() / 1000}\n`);
  await new GenericContainer(image(version))
    .withName(containerName(node))
    .withNetworkMode('host')
    .withUser(`${user}:0`)
    .withBindMounts([{ source: directory, target: directory, mode: 'rw' }])
    .withEnvironment({
      ES_PATH_CONF: configDirectory(node),
      ...(node.passphraseFile ? { KEYSTORE_PASSWORD_FILE: node.passphraseFile } : {}),
    })
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .start();
}

/** stdout and stderr; empty for a container that is not there. */
function docker(args: readonly string[]): string {
  try {
    return execFileSync('/bin/sh', ['-c', 'docker "$@" 2>&1', 'sh', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  } catch {
    return '';
  }
}
