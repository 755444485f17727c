import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from './create.ts';
import { classArchiveOf, distribution } from './distribution.ts';
import type { EsNode } from './node.ts';
import { jdkFor, type Version } from './versions.ts';

const END_LIMIT_MS = 120_000;

/**
 * Makes the archive of classes that nodes of `version` start with from then on, unless there is one: a node runs once and leaves what it loaded. On two
 * cores most of a test on real clusters is the processor's work for starts, and an archive takes 40 % of that away. Only a matter of speed: nodes start
 * without it too.
 */
export async function archiveClasses(version: Version, onBegin: () => void): Promise<void> {
  const archive = classArchiveOf(await distribution(version), jdkFor(version));
  if (existsSync(archive)) return;
  onBegin();
  const temporary = `${archive}.${process.pid}`;
  process.env.ES_JAVA_OPTS = `-XX:ArchiveClassesAtExit=${temporary}`;
  try {
    await using cluster = await startCluster({ name: 'classes', version });
    await end(cluster.nodes[0] as EsNode);
    await rename(temporary, archive);
  } finally {
    delete process.env.ES_JAVA_OPTS;
    await rm(temporary, { force: true });
  }
}

/** Without the stop script, which does not wait for a JVM that writes its archive for long. */
async function end(node: EsNode): Promise<void> {
  const pid = node.pid();
  if (pid === undefined) throw new Error(`${node.name} does not run`);
  process.kill(pid, 'SIGTERM');
  for (const limit = Date.now() + END_LIMIT_MS; node.pid() !== undefined; await sleep(100))
    if (Date.now() > limit) throw new Error(`${node.name} has not ended after ${END_LIMIT_MS} ms`);
}
