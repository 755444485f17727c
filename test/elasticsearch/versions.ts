import { elasticsearchBacking } from '../../deploy/setup/docker.mjs';
import { findJdks, type Jdk } from '../../deploy/setup/java.mjs';

export type Version = '9.5.3' | '8.19.21';

/** Newest first. */
const VERSIONS: readonly Version[] = ['9.5.3', '8.19.21'];

/** What a version of Elasticsearch needs of the JDK when it is built from Maven Central. */
interface JdkRequirement {
  oldest: number;
  needsJdi: boolean;
}

const REQUIREMENTS: Readonly<Record<Version, JdkRequirement>> = {
  '9.5.3': { oldest: 21, needsJdi: true },
  '8.19.21': { oldest: 17, needsJdi: false },
};

export type Runnable = { version: Version; runs: true } | { version: Version; runs: false; why: string };

/**
 * Which versions can run on this machine, and of the others why not, as a sentence to show loudly. With a Docker engine
 * all can.
 */
export async function versionsHere(): Promise<Runnable[]> {
  if ((await elasticsearchBacking()) === 'docker') return VERSIONS.map((version) => ({ version, runs: true }));
  const jdks = findJdks();
  return VERSIONS.map((version) =>
    newestSuitable(version, jdks) === undefined
      ? { version, runs: false, why: whyNot(version, jdks) }
      : { version, runs: true },
  );
}

/** The newest version that can run here; throws when none can. */
export async function newestVersionHere(): Promise<Version> {
  const versions = await versionsHere();
  const newest = versions.find(({ runs }) => runs);
  if (newest === undefined) throw new Error(versions.map((one) => (one.runs ? '' : one.why)).join(' '));
  return newest.version;
}

/** The JDK that `version` runs on here; throws with the reason when there is none. */
export function jdkFor(version: Version): Jdk {
  const jdks = findJdks();
  const jdk = newestSuitable(version, jdks);
  if (jdk === undefined) throw new Error(whyNot(version, jdks));
  return jdk;
}

function newestSuitable(version: Version, jdks: readonly Jdk[]): Jdk | undefined {
  const { oldest, needsJdi } = REQUIREMENTS[version];
  return jdks.find((jdk) => jdk.major >= oldest && (jdk.hasJdi || !needsJdi));
}

function whyNot(version: Version, jdks: readonly Jdk[]): string {
  const { oldest, needsJdi } = REQUIREMENTS[version];
  const found = jdks.map((jdk) => `${jdk.major}${needsJdi && !jdk.hasJdi ? ' without jdk.jdi' : ''} in ${jdk.home}`);
  const needs = `JDK ${oldest} or later${needsJdi ? ' with the module jdk.jdi' : ''}`;
  const advice = 'install one and let JAVA_HOME name it, or start a Docker engine';
  return `Elasticsearch ${version} is left out: it needs ${needs}, and here is ${found.join(', ') || 'none'} (${advice}).`;
}
