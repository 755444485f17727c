import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCluster, startCluster } from './create.ts';
import { classArchiveOf, distribution } from './distribution.ts';
import { archiveOption, optionsOf } from './maven-backing.ts';
import type { EsNode } from './node.ts';
import { jdkFor, type Version } from './versions.ts';

const END_LIMIT_MS = 120_000;

/**
 * Makes the archives of classes that nodes of `version` and their keystore tools start with from then on, unless they are there: each runs once and leaves
 * what it loaded. On two cores most of a test on real clusters is the processor's work for starts; an archive takes more than a third of that away from a node
 * and a quarter from a tool. Only a matter of speed: both start without it too.
 */
export async function archiveClasses(version: Version, onBegin: () => void): Promise<void> {
  const home = await distribution(version);
  const missing = (['elasticsearch', 'elasticsearch-keystore'] as const)
    .map((program) => ({ program, archive: classArchiveOf(home, jdkFor(version), program) }))
    .filter(({ archive }) => !existsSync(archive));
  if (missing.length > 0) onBegin();
  for (const { program, archive } of missing) await archiveOne(version, program, archive);
}

async function archiveOne(version: Version, program: keyof typeof optionsOf, archive: string): Promise<void> {
  const temporary = `${archive}.${process.pid}`;
  const variable = optionsOf[program];
  // The JVM's remarks would be part of what the tool answers.
  process.env[variable] = `${archiveOption(jdkFor(version)).write}=${temporary} -Xlog:disable`;
  try {
    if (program === 'elasticsearch') {
      await using cluster = await startCluster({ name: 'classes', version });
      await end(cluster.nodes[0] as EsNode);
    } else {
      await using cluster = await createCluster({ name: 'classes', version });
      await cluster.nodes[0]?.keystore(['add', '-x', '-f', 'classes.are.loaded'], 'yes\n');
    }
    await rename(temporary, archive);
  } finally {
    delete process.env[variable];
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
