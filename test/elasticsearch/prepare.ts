/** Builds the Elasticsearch distributions that demo and tests use and that this machine can run; part of the set-up. */
import { distribution } from './distribution.ts';
import { versionsHere } from './versions.ts';

const say = (line: string) => process.stderr.write(`set-up: ${line}\n`);

try {
  const versions = await versionsHere();
  for (const one of versions) {
    if (!one.runs) continue;
    await distribution(one.version, () =>
      say(`building Elasticsearch ${one.version} from Maven Central (a minute or two)`),
    );
  }
  if (versions.every(({ runs }) => !runs)) throw new Error(versions.map((one) => (one.runs ? '' : one.why)).join(' '));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
