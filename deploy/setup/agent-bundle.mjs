import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { runLogged } from './logged.mjs';
import { inClone, projectNode } from './place.mjs';
import { say } from './say.mjs';

const build = inClone('agent', 'build.ts');
const bundle = inClone('agent', 'dist', 'remora-agent.mjs');
const stamp = inClone('agent', 'dist', '.sources');
const sources = [build, inClone('agent', 'src'), inClone('shared', 'src'), inClone('package-lock.json')];

/** Builds the agent's one file, unless it was built from exactly these sources. */
export async function ensureAgentBundle() {
  if (built()) return;
  await withLock(bundle, "the agent's bundle", async () => {
    if (built()) return;
    say("building the agent's bundle");
    const hash = sourcesHash();
    await runLogged('agent-bundle', [projectNode, build], 'mend the sources named above');
    writeFileSync(stamp, hash);
  });
}

function built() {
  return existsSync(bundle) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sourcesHash();
}

function sourcesHash() {
  const hash = createHash('sha256');
  for (const file of sources.flatMap(filesOf)) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** @param {string} path @returns {string[]} */
function filesOf(path) {
  if (statSync(path).isFile()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => join(path, name)).filter((file) => statSync(file).isFile());
}
