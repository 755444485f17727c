#!/usr/bin/env node
/**
 * with.mjs PURPOSE [-- COMMAND ARGUMENT…]: sets this clone up for PURPOSE (cli, coordinator, demo or test), then runs COMMAND in it,
 * `node` being the project's Node 24. Runs on any Node from 20.19, without node_modules.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SetupError, say } from './say.mjs';
import { isPurpose, projectEnvironment, setUp } from './setup.mjs';

const OLDEST_NODE = [20, 19];

const [purpose, separator, ...command] = process.argv.slice(2);
if (!isPurpose(purpose) || (separator !== undefined && separator !== '--')) {
  say('usage: with.mjs cli|coordinator|demo|test [-- COMMAND ARGUMENT…]');
  process.exit(64);
}
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  say(`Node ${process.versions.node} is too old: install Node ${OLDEST_NODE.join('.')} or later.`);
  process.exit(1);
}
try {
  await setUp(purpose);
} catch (error) {
  say(error instanceof SetupError ? error.message : error.stack);
  process.exit(1);
}
if (command.length > 0) run(command);

/** Becomes the command as far as Node can: its exit code, its signals. */
function run([file, ...args]) {
  const child = spawn(file, args, { stdio: 'inherit', env: projectEnvironment() });
  process.on('SIGINT', () => {}); // a terminal sends Ctrl-C to the child too, and the child decides
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    say(`could not start ${file}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
