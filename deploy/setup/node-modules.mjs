import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { withLock } from './lock.mjs';
import { runLogged } from './logged.mjs';
import { inClone, projectNode } from './place.mjs';
import { say } from './say.mjs';

/** In node_modules, so that it goes when node_modules goes. */
const stamp = inClone('node_modules', '.remora-setup');

/** Installs what package-lock.json names, unless it is there. */
export async function ensureNodeModules() {
  if (installed()) return;
  await withLock(inClone('node_modules'), 'node_modules', async () => {
    if (installed()) return;
    if (!matchesLockfile()) await install();
    writeFileSync(stamp, lockfileHash());
  });
}

async function install() {
  say('installing node_modules (npm ci)');
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const command = [...npm, 'ci', '--include=dev', '--no-audit', '--no-fund'];
  await runLogged('npm-ci', command, 'mend that and try again; most often the npm registry is out of reach');
}

function installed() {
  return existsSync(projectNode) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfileHash();
}

function lockfileHash() {
  return createHash('sha256')
    .update(readFileSync(inClone('package-lock.json')))
    .digest('hex');
}

/** True for what a developer's own `npm install` left: reinstalling would only disturb what runs from it. */
function matchesLockfile() {
  const hidden = inClone('node_modules', '.package-lock.json');
  if (!existsSync(projectNode) || !existsSync(hidden)) return false;
  const there = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(inClone('package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      !path.startsWith('node_modules/') || there[path]?.version === version || (optional && !there[path]),
  );
}
