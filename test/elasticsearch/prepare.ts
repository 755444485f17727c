/** Builds the Elasticsearch distributions that demo and tests use and that this machine can run; part of the set-up. */
import { archiveClasses } from './class-archive.ts';
import { distribution } from './distribution.ts';
import { versionsHere } from './versions.ts';

const say = (line: string) => process.stderr.write(`set-up: ${line}\n`);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

try {
  const versions = await versionsHere();
  for (const one of versions) {
    if (!one.runs) continue;
    await distribution(one.version, () =>
      say(`building Elasticsearch ${one.version} from Maven Central (a minute or two)`),
    );
    await archiveClasses(one.version, () =>
      say(`archiving the classes of Elasticsearch ${one.version}, so that nodes start sooner (half a minute)`),
    ).catch((error: unknown) => say(`nodes of ${one.version} start without an archive: ${messageOf(error)}`));
  }
  if (versions.every(({ runs }) => !runs)) throw new Error(versions.map((one) => (one.runs ? '' : one.why)).join(' '));
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}
