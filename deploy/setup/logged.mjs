import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, setupDir } from './place.mjs';
import { SetupError } from './say.mjs';

/**
 * Runs a command in the clone with its output in a log file; stdin is empty.
 * @param {string} name of the log
 * @param {string[]} command
 * @param {string} advice what to do when it fails, ends the sentence
 * @throws {SetupError} with the log's last lines and path
 */
export async function runLogged(name, [file, ...args], advice) {
  mkdirSync(setupDir, { recursive: true });
  const log = join(setupDir, `${name}.log`);
  const fd = openSync(log, 'w');
  const code = await new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', fd, fd] });
    child.once('error', reject);
    child.once('exit', (status, signal) => resolve(status ?? signal));
  }).finally(() => closeSync(fd));
  if (code === 0) return;
  const command = [file, ...args].join(' ');
  throw new SetupError(`${tail(readFileSync(log, 'utf8'))}\n\`${command}\` failed (${code}, log: ${log}): ${advice}`);
}

/** @param {string} text @returns {string} the lines that say most: the last errors, else the last lines */
function tail(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(E:|npm error|npm ERR!|\[ERROR\]|Error)/.test(line));
  return (errors.length > 0 ? errors.slice(0, 6) : lines.slice(-8)).map((line) => `  ${line}`).join('\n');
}
