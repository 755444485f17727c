/**
 * Builds the Elasticsearch distributions that demo and tests use and that this machine can run, and archives their classes; part of the set-up. With a version:
 * archives the classes of that one alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { archiveClasses } from './class-archive.ts';
import { distribution } from './distribution.ts';
import { type Version, versionsHere } from './versions.ts';

const say = (line: string) => process.stderr.write(`set-up: ${line}\n`);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const archive = async (version: Version): Promise<void> => {
  try {
    await archiveClasses(version, () =>
      say(`archiving the classes of Elasticsearch ${version}, so that nodes start sooner (half a minute)`),
    );
  } catch (error) {
    say(`nodes of ${version} start without an archive: ${messageOf(error)}`);
  }
};

/** Each in a process of its own: which archive a JVM writes is told by its environment. */
const archiveAll = async (versions: readonly Version[]): Promise<void> => {
  const children = versions.map((version) =>
    spawn(process.execPath, [import.meta.filename, version], { stdio: ['ignore', 'inherit', 'inherit'] }),
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
};

const prepare = async (): Promise<void> => {
  const versions = await versionsHere();
  const here = versions.flatMap((one) => (one.runs ? [one.version] : []));
  // One after the other: Maven's repository is not made for two writers.
  for (const version of here)
    await distribution(version, () => say(`building Elasticsearch ${version} from Maven Central (a minute or two)`));
  await archiveAll(here);
  if (here.length === 0) throw new Error(versions.map((one) => (one.runs ? '' : one.why)).join(' '));
};

try {
  const [, , only] = process.argv;
  if (only === undefined) await prepare();
  else await archive(only as Version);
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}
