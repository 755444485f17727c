import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureAgentBundle } from './agent-bundle.mjs';
import { elasticsearchBacking } from './docker.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { ensurePackages } from './packages.mjs';
import { inClone, projectNode, setupDir } from './place.mjs';
import { SetupError } from './say.mjs';

/** What each purpose needs besides node_modules and the agent's bundle. Chosen by the first word after with.mjs. */
const PURPOSES = {
  cli: { packages: [], elasticsearch: false },
  coordinator: { packages: ['redis'], elasticsearch: false },
  demo: { packages: ['redis', 'openssl'], elasticsearch: true },
  test: { packages: ['redis', 'openssl', 'iproute', 'acl', 'shellcheck'], elasticsearch: true },
};

/** What it takes to build and run Elasticsearch from Maven Central. */
const MAVEN_BACKING = ['jdk', 'maven', 'unzip'];

/** @param {string | undefined} word @returns {word is keyof typeof PURPOSES} */
export function isPurpose(word) {
  return word !== undefined && Object.hasOwn(PURPOSES, word);
}

/**
 * Makes sure that everything which `purpose` needs is there. Quiet and quick when it is.
 * @param {keyof typeof PURPOSES} purpose
 * @throws {SetupError}
 */
export async function setUp(purpose) {
  const began = new Date();
  const { packages, elasticsearch } = PURPOSES[purpose];
  const fromMaven = elasticsearch && (await elasticsearchBacking()) === 'maven';
  await ensurePackages(fromMaven ? [...packages, ...MAVEN_BACKING] : packages);
  await ensureNodeModules();
  await ensureAgentBundle();
  if (fromMaven) ensureElasticsearch();
  touchStamp(began);
}

/** The environment in which commands of the project run: `node` is the project's own. */
export function projectEnvironment() {
  const folders = [dirname(projectNode), inClone('node_modules', '.bin')];
  return { ...process.env, PATH: `${folders.join(':')}:${process.env.PATH ?? ''}` };
}

/** The harness builds what it will look for itself, so that there is one place that knows. */
function ensureElasticsearch() {
  const { status } = spawnSync(projectNode, [inClone('test', 'elasticsearch', 'prepare.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: projectEnvironment(),
  });
  if (status !== 0) throw new SetupError('Elasticsearch for demo and tests could not be prepared (see above).');
}

/** bin/remora takes sources older than this stamp as set up; its time is when looking began, not when it ended. */
function touchStamp(began) {
  mkdirSync(setupDir, { recursive: true });
  const stamp = join(setupDir, 'done');
  if (!existsSync(stamp)) writeFileSync(stamp, '');
  utimesSync(stamp, began, began);
}
